import { expect, test } from 'vitest';
import { type AckCall, Settlements } from './settlements.ts';

function recorder() {
  const calls: AckCall[] = [];
  const answers: PromiseWithResolvers<{ accepted: number; unknown_ids: string[] }>[] = [];
  const settlements = new Settlements((call) => {
    calls.push(call);
    const answer = Promise.withResolvers<{ accepted: number; unknown_ids: string[] }>();
    answers.push(answer);
    return answer.promise;
  });
  const answer = (unknown_ids: string[] = []) => answers.shift()?.resolve({ accepted: 0, unknown_ids });
  return { settlements, calls, answer, fail: (error: Error) => answers.shift()?.reject(error) };
}

const ack = { kind: 'ack' } as const;
const tick = () => new Promise((resolve) => setImmediate(resolve));

test('what is said within a tick goes together, and what is said meanwhile in the next call', async () => {
  const { settlements, calls, answer } = recorder();
  const first = [
    settlements.settle({ ackId: 'a' }, ack),
    settlements.settle({ ackId: 'b' }, { kind: 'term' }),
    settlements.settle({ ackId: 'c' }, { kind: 'nack', delayMs: 5 }),
  ];
  await tick();
  expect(calls).toEqual([{ ack_ids: ['a'], term_ids: ['b'], nack_ids: ['c'], nack_delay_ms: 5 }]);
  const later = [settlements.settle({ ackId: 'd' }, ack), settlements.settle({ ackId: 'e' }, ack)];
  await tick();
  expect(calls).toHaveLength(1);
  answer(['b']);
  expect(await Promise.all(first)).toEqual([true, false, true]);
  await tick();
  expect(calls.at(1)).toMatchObject({ ack_ids: ['d', 'e'] });
  answer();
  await Promise.all(later);
  await settlements.flushed();
});

test('64 do not wait for the tick, and a call has at most 1,024', async () => {
  const { settlements, calls, answer } = recorder();
  const all = Array.from({ length: 1_500 }, (_, i) => settlements.settle({ ackId: `${i}` }, ack));
  await Promise.resolve();
  await Promise.resolve();
  expect(calls.map(({ ack_ids }) => ack_ids?.length)).toEqual([1_024]);
  answer();
  await all[0];
  await tick();
  expect(calls.at(1)?.ack_ids).toHaveLength(1_500 - 1_024);
  answer();
  await Promise.all(all);
});

test('delays that differ go in calls of their own', async () => {
  const { settlements, calls, answer } = recorder();
  const both = [1, 2, 1].map((delayMs) => settlements.settle({ ackId: `${delayMs}` }, { kind: 'nack', delayMs }));
  await tick();
  answer();
  await both[0];
  await tick();
  answer();
  await Promise.all(both);
  expect(calls.map(({ nack_ids, nack_delay_ms }) => [nack_ids, nack_delay_ms])).toEqual([
    [['1', '1'], 1],
    [['2'], 2],
  ]);
});

test('the id is the newest when it is sent', async () => {
  const { settlements, calls, answer } = recorder();
  const delivery = { ackId: 'old' };
  const settled = settlements.settle(delivery, ack);
  delivery.ackId = 'new';
  await tick();
  expect(calls.at(0)?.ack_ids).toEqual(['new']);
  answer();
  await settled;
});

test('a call that fails is told to everybody in it, and the next one goes on', async () => {
  const { settlements, calls, answer, fail } = recorder();
  const failing = settlements.settle({ ackId: 'a' }, ack);
  await tick();
  fail(new Error('away'));
  await expect(failing).rejects.toThrow('away');
  const next = settlements.settle({ ackId: 'b' }, ack);
  await tick();
  expect(calls).toHaveLength(2);
  answer();
  expect(await next).toBe(true);
});
