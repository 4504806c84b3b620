/** A program of the store's benchmark: loads records, 1,000 in flight, and prints what that took, as JSON. */
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import type { Sample } from './h2load.ts';

export interface StoreLoadConfig {
  readonly directory: string;
  readonly records: number;
  readonly valueBytes: number;
}

export interface LoadFigures {
  readonly sample: Sample;
  readonly listMs: number;
  /** To open the store again, its check of everything included. */
  readonly openMs: number;
  readonly rssBeforeMiB: number;
  readonly rssMiB: number;
}

const IN_FLIGHT = 1_000;

if (import.meta.main) console.log(JSON.stringify(await load(JSON.parse(process.argv[2] ?? '{}') as StoreLoadConfig)));

async function load({ directory, records, valueBytes }: StoreLoadConfig): Promise<LoadFigures> {
  const rssBeforeMiB = rssMiB();
  const store = await openEmbeddedStore({ directory, clock: systemClock });
  const value = 'x'.repeat(valueBytes);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const tookMs: number[] = [];
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < records) {
      const key = `/mcp2/v1/servers/${next++}`;
      const atMs = performance.now();
      await store.transact({ compares: [], writes: [{ kind: 'put', key, value }] });
      tookMs.push(performance.now() - atMs);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, write));
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  const listMs = await timed(async () => {
    const { entries } = await store.list('/mcp2/v1/');
    if (entries.length !== records) throw new Error(`${entries.length} of ${records} records are listed`);
  });
  const rss = rssMiB();
  await store.close();
  const openMs = await timed(async () => (await openEmbeddedStore({ directory, clock: systemClock })).close());
  const sorted = tookMs.sort((a, b) => a - b);
  const sample: Sample = {
    callsPerSecond: records / (elapsedMs / 1000),
    p50Ms: sorted[Math.floor(records * 0.5)] ?? 0,
    p99Ms: sorted[Math.floor(records * 0.99)] ?? 0,
    cpuMicroseconds: (user + system) / records,
  };
  return { sample, listMs, openMs, rssBeforeMiB, rssMiB: rss };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return Math.round(performance.now() - startedMs);
}

function rssMiB(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}
