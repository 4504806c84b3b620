/** The operator's batched, fenced writes on a real store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import { createKeys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { FencedError, takeFence } from '../../operator/discovery/fence.ts';
import { RecordWriter } from '../../operator/discovery/writer.ts';

const keys = createKeys();
let folder: string;
let store: Store;
let transactions: string[];
let fencedCount: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp2-writer-'));
  store = await openEmbeddedStore({ directory: join(folder, 'store'), clock: systemClock });
  transactions = [];
  fencedCount = 0;
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function openWriter(holder = 'one'): Promise<RecordWriter> {
  return new RecordWriter({
    store,
    fence: await takeFence({ store, key: keys.epoch('test'), holder }),
    onFenced: () => {
      fencedCount += 1;
    },
    onTransaction: (_seconds, result) => transactions.push(result),
  });
}

const create = (name: string, value = name) => ({ key: keys.server(name), expectedRevision: 0, value });

test('writes that come together share transactions', async () => {
  const writer = await openWriter();
  const outcomes = await Promise.all(Array.from({ length: 250 }, (_, index) => writer.write(create(`S${index}`))));
  expect(outcomes.every(({ kind }) => kind === 'written')).toBe(true);
  expect(transactions).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect((await store.list(keys.servers)).entries).toHaveLength(250);
});

test('a key that moved is told to its author alone; the others of its batch are written', async () => {
  const writer = await openWriter();
  await writer.write(create('Taken', 'theirs'));
  const [taken, free] = await Promise.all([writer.write(create('Taken', 'ours')), writer.write(create('Free'))]);
  expect(taken).toMatchObject({ kind: 'moved', current: { value: 'theirs' } });
  expect(free).toMatchObject({ kind: 'written' });
});

test('a deleted key that is gone already has moved, and holds nothing', async () => {
  const writer = await openWriter();
  const write = { key: keys.server('Gone'), expectedRevision: 7, value: undefined };
  expect(await writer.write(write)).toEqual({ kind: 'moved', current: undefined });
});

test('two writes of one key never share a transaction', async () => {
  const writer = await openWriter();
  const [first, second] = await Promise.all([writer.write(create('S', 'first')), writer.write(create('S', 'second'))]);
  expect(first).toMatchObject({ kind: 'written' });
  expect(second).toMatchObject({ kind: 'moved', current: { value: 'first' } });
});

test('a writer that was replaced writes nothing, says so once, and refuses everything after', async () => {
  const old = await openWriter('old');
  await openWriter('new');
  const outcomes = await Promise.allSettled([old.write(create('A')), old.write(create('B'))]);
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(FencedError) });
  await expect(old.write(create('C'))).rejects.toBeInstanceOf(FencedError);
  expect(fencedCount).toBe(1);
  expect((await store.list(keys.servers)).entries).toEqual([]);
});

test('a store that is gone rejects the write and is not taken for a lost fence', async () => {
  const writer = await openWriter();
  await store.close();
  await expect(writer.write(create('A'))).rejects.toThrow();
  expect(transactions).toEqual(['error']);
  expect(fencedCount).toBe(0);
});
