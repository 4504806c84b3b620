import { expect, test } from 'vitest';
import { EventBuffer } from './event-buffer.ts';

function bufferOf(options = {}) {
  const taken: string[] = [];
  const buffer = new EventBuffer<string>({
    ...{ maxItems: 2, maxBytes: 10, sizeOf: (text) => text.length, onTaken: (text) => taken.push(text) },
    ...options,
  });
  return { buffer, taken };
}

const value = (text: string) => ({ done: false, value: text });

test('whoever waits gets what comes, and what comes waits for whoever asks', async () => {
  const { buffer, taken } = bufferOf();
  const first = buffer.take();
  expect(buffer.add('a')).toBe(undefined);
  expect(await first).toEqual(value('a'));
  expect(buffer.add('b')).toBe(undefined);
  expect(taken).toEqual(['a']);
  expect(await buffer.take()).toEqual(value('b'));
});

test.each([
  ['so many', ['a', 'b']],
  ['so many bytes', ['0123456789']],
])('with %s it is full, until one is taken', async (_title, items) => {
  const { buffer } = bufferOf();
  const waits = items.map((item) => buffer.add(item));
  expect(waits.at(-1)).toBeInstanceOf(Promise);
  await buffer.take();
  await waits.at(-1);
});

test('a failure comes once, behind what is there', async () => {
  const { buffer } = bufferOf();
  expect(buffer.add('a')).toBe(undefined);
  buffer.end({ error: new Error('over') });
  expect(buffer.add('b')).toBe(undefined);
  expect(await buffer.take()).toEqual(value('a'));
  await expect(buffer.take()).rejects.toThrow('over');
  expect(await buffer.take()).toEqual({ done: true, value: undefined });
});

test('of those that wait one hears of the failure, the others of the end', async () => {
  const { buffer } = bufferOf();
  const waiting = [buffer.take(), buffer.take()];
  buffer.end({ error: new Error('over') });
  expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
});

test('when its reader has left, whoever brings something is let go', async () => {
  const { buffer } = bufferOf();
  expect(buffer.add('a')).toBe(undefined);
  const waits = buffer.add('b');
  buffer.clear();
  await waits;
  expect(await buffer.take()).toEqual({ done: true, value: undefined });
});
