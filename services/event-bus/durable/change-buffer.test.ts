import { expect, test } from 'vitest';
import type { DurableChanges, DurableStore } from '../log/event-log.ts';
import { ChangeBuffer, SubscriptionGone } from './change-buffer.ts';

/** Records what is written; each write waits until it is told to end. */
function slowStore() {
  const writes: { changes: DurableChanges; done: PromiseWithResolvers<boolean> }[] = [];
  const change = (_id: string, changes: DurableChanges) => {
    const done = Promise.withResolvers<boolean>();
    writes.push({ changes, done });
    return done.promise;
  };
  return { writes, store: { change } as unknown as DurableStore };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('what comes while a write is on its way is joined into the next one', async () => {
  const { writes, store } = slowStore();
  const buffer = new ChangeBuffer(store, 'id');
  buffer.moveTo(1);
  const first = buffer.flush();
  await turn();
  buffer.deliver({ offset: 1, attempt: 1, notBeforeMs: 0 });
  const second = buffer.flush();
  buffer.moveTo(9);
  buffer.deliver({ offset: 2, attempt: 1, notBeforeMs: 0 });
  buffer.settle(1);
  expect(buffer.flush()).toBe(second);
  await turn();
  expect(writes).toHaveLength(1);
  writes[0]?.done.resolve(true);
  await first;
  await turn();
  expect(writes[1]?.changes).toEqual({
    position: 9,
    delivered: [{ offset: 2, attempt: 1, notBeforeMs: 0 }],
    settled: [1],
    parked: [],
  });
  writes[1]?.done.resolve(true);
  await second;
  await buffer.flush();
  expect(writes).toHaveLength(2);
});

test('a write that fails is told to those who waited for it, and the next one goes out', async () => {
  const { writes, store } = slowStore();
  const buffer = new ChangeBuffer(store, 'id');
  buffer.moveTo(1);
  const first = buffer.flush();
  await turn();
  buffer.moveTo(2);
  const second = buffer.flush();
  writes[0]?.done.reject(new Error('the disk is full'));
  await expect(first).rejects.toThrow('full');
  await turn();
  writes[1]?.done.resolve(true);
  await second;
  expect(writes[1]?.changes.position).toBe(2);
});

test('one that the log has deleted is told, also where nothing but its use was to be written', async () => {
  const { writes, store } = slowStore();
  const buffer = new ChangeBuffer(store, 'id');
  buffer.touch();
  const flushed = buffer.flush();
  await turn();
  writes[0]?.done.resolve(false);
  await expect(flushed).rejects.toThrow(SubscriptionGone);
});
