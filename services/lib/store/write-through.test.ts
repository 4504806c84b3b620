import { expect, test } from 'vitest';
import { Backoff } from '#lib/backoff.ts';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Entry, Transaction, TransactionResult, WriteOperation } from './store.ts';
import { type GuardedWrite, writeThrough } from './write-through.ts';

const away = () => new ServiceError('STORE_UNAVAILABLE', 'the store did not answer');
const entry = (key: string, value: string, modRevision: number): Entry => ({ key, value, modRevision });

/** Answers the attempts in turn; a real store with lost replies is in test/faults. */
function answering(...answers: (TransactionResult | Error)[]) {
  const seen: Transaction[] = [];
  const transact = async (transaction: Transaction): Promise<TransactionResult> => {
    seen.push(transaction);
    const answer = answers[Math.min(seen.length, answers.length) - 1];
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer;
  };
  const backoff = new Backoff({ baseMs: 1, capMs: 1, random: () => 0 });
  return {
    seen,
    write: (write: GuardedWrite) => writeThrough({ store: { transact }, clock: systemClock, backoff }, write),
  };
}

const lost = (...entries: Entry[]): TransactionResult => ({
  succeeded: false,
  revision: 99,
  current: new Map(entries.map((current) => [current.key, current])),
});

const put = (key: string, value: string): WriteOperation => ({ kind: 'put', key, value });
const creating: GuardedWrite = {
  compares: [
    { key: '/epoch', modRevision: 5 },
    { key: '/a', modRevision: 0 },
  ],
  writes: [put('/a', 'ours')],
};
const epoch = entry('/epoch', 'me', 5);

test('an answered write is written at its revision, with one attempt that reads all compared keys', async () => {
  const { seen, write } = answering({ succeeded: true, revision: 7 });
  expect(await write(creating)).toEqual({ kind: 'written', revision: 7 });
  expect(seen).toEqual([{ ...creating, readOnFailure: ['/epoch', '/a'] }]);
});

test('a compare lost at the first attempt is a conflict, even when the value is equal', async () => {
  const taken = lost(epoch, entry('/a', 'ours', 8));
  expect(await answering(taken).write(creating)).toMatchObject({ kind: 'conflict', revision: 99 });
});

test.each<[string, TransactionResult, object]>([
  ['our value is there', lost(epoch, entry('/a', 'ours', 8)), { kind: 'written', revision: 8 }],
  ['it was not applied before', { succeeded: true, revision: 9 }, { kind: 'written', revision: 9 }],
  ["somebody else's value is there", lost(epoch, entry('/a', 'theirs', 8)), { kind: 'conflict' }],
  ['our value is bound to a lease now', lost(epoch, { ...entry('/a', 'ours', 8), leaseId: '4' }), { kind: 'conflict' }],
  [
    'our value is there but the guard moved',
    lost(entry('/epoch', 'other', 6), entry('/a', 'ours', 8)),
    { kind: 'conflict' },
  ],
  ['the guard is gone', lost(entry('/a', 'ours', 8)), { kind: 'conflict' }],
  ['the key is gone', lost(epoch), { kind: 'conflict' }],
])('after a lost reply: %s', async (_title, second, expected) => {
  expect(await answering(away(), second).write(creating)).toMatchObject(expected);
});

test('a deletion whose reply was lost is written when the key is gone, a conflict when it is there again', async () => {
  const deleting: GuardedWrite = { compares: [{ key: '/a', modRevision: 4 }], writes: [{ kind: 'delete', key: '/a' }] };
  expect(await answering(away(), lost()).write(deleting)).toEqual({ kind: 'written', revision: 99 });
  const again = lost(entry('/a', 'new', 8));
  expect(await answering(away(), again).write(deleting)).toMatchObject({ kind: 'conflict' });
});

test('of several keys all must hold our values, from one transaction', async () => {
  const two: GuardedWrite = {
    compares: ['/a', '/b'].map((key) => ({ key, modRevision: 0 })),
    writes: [put('/a', 'ours'), put('/b', 'ours')],
  };
  const both = lost(entry('/a', 'ours', 8), entry('/b', 'ours', 8));
  expect(await answering(away(), both).write(two)).toEqual({ kind: 'written', revision: 8 });
  const apart = lost(entry('/a', 'ours', 8), entry('/b', 'ours', 9));
  expect(await answering(away(), apart).write(two)).toMatchObject({ kind: 'conflict' });
});

test('a store that stays away is asked four times, then the caller hears of it', async () => {
  const { seen, write } = answering(away());
  await expect(write(creating)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect(seen.length).toBe(4);
});

test('any other error is not tried again', async () => {
  const { seen, write } = answering(new ServiceError('LIMIT_EXCEEDED', 'too large'));
  await expect(write(creating)).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
  expect(seen.length).toBe(1);
});

test('a write without a compare is a mistake of the caller', async () => {
  const blind: GuardedWrite = { compares: [], writes: [put('/a', 'x')] };
  await expect(answering({ succeeded: true, revision: 1 }).write(blind)).rejects.toThrow(TypeError);
});
