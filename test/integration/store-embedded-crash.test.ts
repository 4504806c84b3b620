/** The embedded store after its process or its worker was killed in the middle of work. */
import { type ChildProcess, spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import type { Store } from '#lib/store/store.ts';
import { eventually } from '../harness/eventually.ts';
import { createWorkspace } from '../harness/processes.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

const KILLS = process.env.MCP2_TEST_FULL === undefined ? 5 : 50;
const IN_FLIGHT = 32;

/** What it printed until it was killed, `writingMs` after its first write. */
async function writeUntilKilled(directory: string, first: number, writingMs: number): Promise<number[]> {
  const program = fileURLToPath(new URL('../harness/embedded-writer.ts', import.meta.url));
  const args = [program, directory, String(IN_FLIGHT), String(first)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = child.stdout as NonNullable<typeof child.stdout>;
  const printed = text(output);
  await once(output, 'data');
  await sleep(writingMs);
  child.kill('SIGKILL');
  await once(child, 'close');
  // The last line may be half of one.
  return (await printed).split('\n').slice(0, -1).map(Number);
}

test(`of ${KILLS} processes that were killed in the middle of writing, nothing that they were told is written is lost`, {
  timeout: KILLS * 10_000,
}, async () => {
  const directory = createWorkspace('crash').folder;
  const acknowledged = new Set<number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const told = await writeUntilKilled(directory, kill * 1_000_000, (kill * 37) % 300);
    expect(told.length).toBeGreaterThan(0);
    for (const i of told) acknowledged.add(i);
    const store = await openEmbeddedStore({ directory, clock: systemClock });
    const { entries } = await store.list('/pairs/');
    await store.close();
    const pairs = Map.groupBy(entries, ({ value }) => Number(value));
    expect([...acknowledged].filter((i) => !pairs.has(i))).toEqual([]);
    expect(
      [...pairs.values()].filter((pair) => pair.length !== 2 || pair[0]?.modRevision !== pair[1]?.modRevision),
    ).toEqual([]);
  }
});

/** Whatever worker threads this process starts from now on. */
function collectWorkers(): Worker[] {
  const workers: Worker[] = [];
  const add = (message: unknown) => workers.push((message as { worker: Worker }).worker);
  subscribe('worker_threads', add);
  onTestFinished(() => void unsubscribe('worker_threads', add));
  return workers;
}

const DEATHS: [string, (worker: Worker) => Promise<unknown>][] = [
  ['is terminated', (worker) => worker.terminate()],
  [
    'fails by a mistake',
    async (worker) => {
      const exited = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage({ kind: 'calls', calls: null });
      await exited;
    },
  ],
];

test.each(DEATHS)(
  'a worker that %s in the middle of work rejects what waits and is started again',
  async (_title, die) => {
    const workers = collectWorkers();
    const store = await openEmbeddedStore({ directory: createWorkspace('worker').folder, clock: systemClock });
    onTestFinished(() => store.close());
    const lease = await store.grantLease(60);
    await using watch = new WatchRecorder(store, '/', 2);
    await watch.established();
    const written: string[] = [];
    let rejected = 0;
    for (let round = 0; round < 5; round++) {
      const writeMany = (batch: string) =>
        Promise.allSettled(Array.from({ length: 300 }, (_, i) => put(store, `/${round}-${batch}-${i}`)));
      const before = writeMany('before');
      await sleep(round * 2);
      // On a quick machine the first ones are written by now.
      const during = writeMany('during');
      await die(workers.at(-1) as Worker);
      for (const outcome of [...(await before), ...(await during)]) {
        if (outcome.status === 'fulfilled') written.push(outcome.value);
        else
          expect(outcome.reason).toMatchObject({ reason: 'STORE_UNAVAILABLE', message: /is started again; try again/ });
        rejected += outcome.status === 'rejected' ? 1 : 0;
      }
      written.push(await put(store, `/${round}-after`));
    }
    expect(workers.length).toBe(6);
    expect(rejected).toBeGreaterThan(0);
    const { entries } = await store.list('/');
    const keys = entries.map(({ key }) => key);
    expect(written.filter((key) => !keys.includes(key))).toEqual([]);
    await watch.until(({ events }) => events.length >= keys.length, 'all that was written');
    expect(watch.lines.sort()).toEqual(keys.map((key) => `put ${key}=x`).sort());
    expect(await store.keepAlive(lease.id)).toBe(true);
  },
);

test('a store is closed while its worker is started again', async () => {
  const workers = collectWorkers();
  const store = await openEmbeddedStore({ directory: createWorkspace('worker').folder, clock: systemClock });
  await put(store, '/a');
  await workers[0]?.terminate();
  await store.close();
  await eventually(
    () => workers.map(({ threadId }) => threadId),
    (ids) => ids.every((id) => id === -1),
    { what: 'no worker is left' },
  );
});

async function put(store: Store, key: string): Promise<string> {
  await store.transact({ compares: [], writes: [{ kind: 'put', key, value: 'x' }] });
  return key;
}
