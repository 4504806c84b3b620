import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { AckIds } from './ack-id.ts';

const ackIds = new AckIds(randomBytes(32));
const made = ackIds.make('subscription', { offset: 2 ** 53 - 1, attempt: 3 });

test('an id is read back by its own subscription alone', () => {
  expect(ackIds.read('subscription', made)).toEqual({ offset: 2 ** 53 - 1, attempt: 3 });
  expect(ackIds.read('another', made)).toBeUndefined();
  expect(new AckIds(randomBytes(32)).read('subscription', made)).toBeUndefined();
});

test('a forged or broken id is nothing', () => {
  const bytes = Buffer.from(made, 'base64url');
  for (let i = 0; i < bytes.length; i++) {
    const forged = Buffer.from(bytes);
    forged[i] = (forged[i] as number) ^ 1;
    expect(ackIds.read('subscription', forged.toString('base64url'))).toBeUndefined();
  }
  for (const text of ['', 'x', `${made}A`, made.slice(1), '!'.repeat(made.length)]) {
    expect(ackIds.read('subscription', text)).toBeUndefined();
  }
});
