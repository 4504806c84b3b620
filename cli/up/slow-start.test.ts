import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import { type SlowStart, tellIfSlow } from './slow-start.ts';

function begin({ store, etcd }: Pick<SlowStart, 'store' | 'etcd'>) {
  const clock = new ManualClock();
  const notes: string[] = [];
  const work = Promise.withResolvers<string>();
  const stop = new AbortController();
  const note = (line: string) => void notes.push(line);
  const told = tellIfSlow(work.promise, {
    store,
    etcd,
    files: 'servers',
    terminal: { clock, note },
    signal: stop.signal,
  });
  return { clock, notes, work, stop, told };
}

const answering = { get: async () => ({ entry: undefined, revision: 1 }) };
const away = { get: () => Promise.reject(new ServiceError('STORE_UNAVAILABLE', 'away')) };
const frozen = { get: () => new Promise<never>(() => undefined) };

test('a start that is quick is told nothing of', async () => {
  const { clock, notes, work, told } = begin({ store: answering, etcd: undefined });
  await clock.advance(2_900);
  work.resolve('it runs');
  expect(await told).toBe('it runs');
  await clock.advance(10_000);
  expect(notes).toEqual([]);
  expect(clock.sleepers).toBe(0);
});

test('a store that answers is not what a slow start waits for', async () => {
  const { clock, notes, work, told } = begin({ store: answering, etcd: undefined });
  await clock.advance(60_000);
  expect(notes).toEqual(['Waiting for the servers of servers to start …']);
  work.resolve('it runs');
  expect(await told).toBe('it runs');
});

test.each([
  ['refuses', away],
  ['does not answer', frozen],
])('a store that %s is named, once', async (_title, store) => {
  const { clock, notes, work, stop, told } = begin({ store, etcd: 'http://127.0.0.1:2379' });
  await clock.advance(60_000);
  expect(notes).toEqual(['Waiting for the store at http://127.0.0.1:2379 …']);
  stop.abort();
  work.resolve('it ended');
  expect(await told).toBe('it ended');
  expect(clock.sleepers).toBe(0);
});

test('a start that fails is not held up', async () => {
  const { notes, work, told } = begin({ store: frozen, etcd: undefined });
  work.reject(new Error('the port is in use'));
  await expect(told).rejects.toThrow('the port is in use');
  expect(notes).toEqual([]);
});
