/**
 * F5: one member of three is killed or frozen, also the leader: no call fails, none takes longer than 3.5 s.
 */
import { expect, test } from 'vitest';
import { Backoff } from '#lib/backoff.ts';
import { systemClock } from '#lib/clock.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import type { Revision, Store } from '#lib/store/store.ts';
import { writeThrough } from '#lib/store/write-through.ts';
import { type EtcdMember, startEtcd } from '../harness/etcd.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

const PREFIX = '/faults/';

/** Reads and writes one key after another until it is told to stop. */
class Worker {
  slowestMs = 0;
  calls = 0;
  readonly errors: unknown[] = [];
  readonly #store: Store;
  readonly #key: string;
  readonly #done: Promise<void>;
  #stopped = false;
  #revision: Revision = 0;

  constructor(store: Store, key: string) {
    this.#store = store;
    this.#key = PREFIX + key;
    this.#done = this.#work();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      await this.#timed(() => this.#write());
      await this.#timed(() => this.#store.get(this.#key));
    }
  }

  async #write(): Promise<void> {
    const backoff = new Backoff({ baseMs: 50, capMs: 500, random: Math.random });
    const [key, value] = [this.#key, `${this.calls}`];
    const compares = [{ key, modRevision: this.#revision }];
    const options = { store: this.#store, clock: systemClock, backoff };
    const result = await writeThrough(options, { compares, writes: [{ kind: 'put', key, value }] });
    if (result.kind === 'conflict') throw new Error('a false conflict');
    this.#revision = result.revision;
  }

  async #timed(call: () => Promise<unknown>): Promise<void> {
    const startedMs = performance.now();
    await call().catch((error: unknown) => this.errors.push(error));
    this.calls += 1;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
  }
}

const FAULTS: [string, (member: EtcdMember) => Promise<unknown>, (member: EtcdMember) => Promise<unknown>][] = [
  ['killed', ({ process }) => process.kill(), ({ process }) => process.start()],
  ['frozen', async ({ process }) => process.pause(), async ({ process }) => process.resume()],
];

// The bound is on wall time, which other work on the machine can break once; three times in a row is a defect.
test.each(FAULTS)(
  'each member of three is %s in turn: no call fails or takes too long',
  { retry: 2 },
  async (_title, harm, heal) => {
    await using etcd = await startEtcd({ members: 3 });
    const store = connectEtcdStore({ endpoints: etcd.urls, clock: systemClock, random: Math.random });
    await using watch = new WatchRecorder(store, PREFIX, (await store.list(PREFIX)).revision + 1);
    await watch.established();
    const workers = Array.from({ length: 4 }, (_, i) => new Worker(store, `${i}`));
    for (const member of etcd.members) {
      await harm(member);
      const enough = workers.map(({ calls }) => calls + 100);
      await watch.until(() => workers.every(({ calls }, i) => calls >= (enough[i] ?? 0)), 'work goes on', 30_000);
      await heal(member);
      const after = watch.events.length + 50;
      await watch.until(({ events }) => events.length >= after, 'the watch goes on', 30_000);
    }
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(workers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(Math.max(...workers.map(({ slowestMs }) => slowestMs))).toBeLessThanOrEqual(3_500);
    const { revision } = await store.list(PREFIX);
    await watch.until(({ batches }) => (batches.at(-1)?.revision ?? 0) >= revision, 'the watch is through', 30_000);
    expect(new Set(watch.lines).size).toBe(watch.events.length);
    await store.close();
  },
);
