import { beforeEach, expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { silentLogger } from '#lib/logger.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import type { DrainRequest, TakenRow } from '../database/outbox-table.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import type { OutboxEvent } from './outbox-row.ts';
import type { OutboxReport } from './outbox-state.ts';
import { PublishRefused } from './publish-rows.ts';

/** A table of rows in memory, with an outbox on it whose time the test moves. */
class Bench {
  readonly clock = new ManualClock();
  rows: TakenRow[] = [];
  readonly setAside: (readonly [id: string | null, reason: string])[] = [];
  readonly published: string[] = [];
  readonly limits: number[] = [];
  readonly counts = { published: 0, failed: 0 };
  onPublish: (event: OutboxEvent, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  onCommit: () => void = () => undefined;
  report: () => OutboxReport = () => ({ isBlocked: false, ageSeconds: 0, unableSeconds: 0 });
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  add(...ids: number[]): void {
    for (const id of ids) this.rows.push(rowOf(id, `stock:${id % 3}`));
  }

  async drain({ limit, settle }: DrainRequest): Promise<'drained'> {
    this.limits.push(limit);
    const taken = this.rows.slice(0, limit);
    if (taken.length === 0) return 'drained';
    const settlements = await settle(taken);
    this.onCommit();
    for (const { row, failedFor } of settlements) {
      this.rows = this.rows.filter((other) => other !== row);
      if (failedFor !== undefined) this.setAside.push([row.id, failedFor]);
    }
    return 'drained';
  }

  start(more: Partial<OutboxOptions> = {}): void {
    const meter: OutboxOptions['meter'] = {
      published: (count) => {
        this.counts.published += count;
      },
      failed: (count) => {
        this.counts.failed += count;
      },
      watch: (report) => {
        this.report = report;
      },
      end: () => undefined,
    };
    const outbox = new Outbox({
      ...{ server: 'Stock', database: 'stock', topics: ['stock:*'], everyMs: 1_000, setsAside: false },
      ...{ table: { drain: (request) => this.drain(request) }, meter, clock: this.clock, log: silentLogger },
      random: () => 1,
      publish: async (event, signal) => {
        await this.onPublish(event, signal);
        this.published.push(event.id.slice('Stock/stock/'.length));
      },
      ...more,
    });
    this.#running = outbox.run(this.#stopping.signal, new AbortController().signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.clock.advance(1_000);
    await this.#running;
  }
}

const rowOf = (id: number, topic: string): TakenRow => ({
  ...{ id: String(id), key: String(id), topic, payload: '{}', contentType: null, traceparent: null },
});

const unavailable = () => Promise.reject(new Error('the bus is away'));

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

test('rows are published in their order and settled, whenever there are some', async () => {
  bench.add(1, 2, 3);
  bench.start();
  await bench.clock.advance(0);
  bench.add(4);
  await bench.clock.advance(1_000);
  await bench.stop();
  expect(bench.published).toEqual(['1', '2', '3', '4']);
  expect(bench.rows).toEqual([]);
  expect(bench.counts).toEqual({ published: 4, failed: 0 });
});

test('a row waits for the one before it on its topic, and not for those of other topics', async () => {
  const begun: string[] = [];
  const first = Promise.withResolvers<void>();
  bench.onPublish = ({ id }) => {
    begun.push(id.slice('Stock/stock/'.length));
    return begun.length === 1 ? first.promise : Promise.resolve();
  };
  bench.add(1, 2, 4, 5);
  bench.start();
  await bench.clock.advance(0);
  expect(begun).toEqual(['1', '2']);
  first.resolve();
  await bench.clock.advance(0);
  expect(begun).toEqual(['1', '2', '4', '5']);
  await bench.stop();
});

test('while the bus is away rows stay, the age rises, and one row at a time is tried', async () => {
  bench.onPublish = unavailable;
  bench.add(1, 2, 3);
  bench.start();
  await bench.clock.advance(30_000);
  expect(bench.rows).toHaveLength(3);
  expect(bench.limits.slice(1).every((limit) => limit === 1)).toBe(true);
  expect(bench.limits.length).toBeLessThan(12);
  expect(bench.report()).toEqual({ isBlocked: false, ageSeconds: 30, unableSeconds: 30 });
  bench.onPublish = () => Promise.resolve();
  await bench.clock.advance(10_000);
  expect(bench.published).toEqual(['1', '2', '3']);
  expect(bench.report()).toEqual({ isBlocked: false, ageSeconds: 0, unableSeconds: 0 });
  await bench.stop();
});

test('a bus that never answers is given up after seconds, and what others said until then is settled', async () => {
  bench.onPublish = ({ topic }) => (topic === 'stock:1' ? new Promise(() => undefined) : Promise.resolve());
  bench.add(1, 2, 3);
  bench.start();
  await bench.clock.advance(5_000);
  expect(bench.rows.map(({ id }) => id)).toEqual(['1']);
  expect(bench.report()).toMatchObject({ isBlocked: false, ageSeconds: 5 });
  await bench.stop();
});

test('a row that is refused for good is set aside with the reason, and the next one follows', async () => {
  bench.onPublish = ({ id }) => (id.endsWith('/2') ? Promise.reject(new PublishRefused('NO: no')) : Promise.resolve());
  bench.add(1, 2, 3);
  bench.rows.push(rowOf(4, 'prices:a'));
  bench.add(5);
  bench.start({ setsAside: true });
  await bench.clock.advance(0);
  expect(bench.published).toEqual(['1', '3', '5']);
  expect(bench.setAside.sort()).toEqual([
    ['2', 'NO: no'],
    ['4', 'its topic "prices:a" is outside of "topics"'],
  ]);
  expect(bench.counts).toEqual({ published: 3, failed: 2 });
  await bench.stop();
});

test('without "failed" the outbox stops at such a row, and goes on once it can be published', async () => {
  let isAllowed = false;
  bench.onPublish = ({ id }) =>
    id.endsWith('/2') && !isAllowed ? Promise.reject(new PublishRefused('no')) : Promise.resolve();
  bench.add(1, 2, 3, 4);
  bench.start();
  await bench.clock.advance(20_000);
  expect(bench.report()).toMatchObject({ isBlocked: true });
  expect(bench.rows[0]?.id).toBe('2');
  expect(bench.published).not.toContain('4');
  isAllowed = true;
  await bench.clock.advance(10_000);
  expect(bench.rows).toEqual([]);
  expect(bench.report()).toEqual({ isBlocked: false, ageSeconds: 0, unableSeconds: 0 });
  await bench.stop();
});

test('a row without an id stops the outbox even with "failed", which could not name it', async () => {
  bench.rows.push({ ...rowOf(1, 'stock:1'), id: null, key: null });
  bench.start({ setsAside: true });
  await bench.clock.advance(0);
  expect(bench.report()).toMatchObject({ isBlocked: true });
  await bench.stop();
});

test('what the database could not settle is not published again by this process', async () => {
  let isBroken = true;
  bench.onCommit = () => {
    if (isBroken) throw new ServiceError('BACKEND_REFUSED', 'the database refused the statement');
  };
  bench.add(1, 2);
  bench.start();
  await bench.clock.advance(60_000);
  expect(bench.published).toEqual(['1', '2']);
  expect(bench.report()).toMatchObject({ isBlocked: true });
  isBroken = false;
  await bench.clock.advance(20_000);
  expect(bench.published).toEqual(['1', '2']);
  expect(bench.rows).toEqual([]);
  await bench.stop();
});

test('"done" that leaves its row where it is stops the outbox instead of publishing it for ever', async () => {
  bench.add(1);
  const [row] = bench.rows;
  bench.onCommit = () => {
    if (row !== undefined && bench.published.length === 1) bench.rows = [{ ...row }];
  };
  bench.start();
  await bench.clock.advance(300_000);
  expect(bench.published).toEqual(['1']);
  expect(bench.report()).toMatchObject({ isBlocked: true });
  await bench.stop();
});

test('rows that are too large together are taken in smaller batches', async () => {
  bench.add(...Array.from({ length: 40 }, (_, i) => i + 1));
  const { drain } = bench;
  bench.drain = (request) => {
    if (request.limit > 10) return Promise.reject(new ServiceError('LIMIT_EXCEEDED', 'too large'));
    return drain.call(bench, request);
  };
  bench.start();
  await bench.clock.advance(10_000);
  expect(bench.published).toHaveLength(40);
  await bench.stop();
});

test('a stop begins no further row, and settles what is on its way', async () => {
  const first = Promise.withResolvers<void>();
  bench.onPublish = () => first.promise;
  bench.add(1, 4);
  bench.start();
  await bench.clock.advance(0);
  const stopped = bench.stop();
  first.resolve();
  await stopped;
  expect(bench.published).toEqual(['1']);
  expect(bench.rows.map(({ id }) => id)).toEqual(['4']);
});
