/**
 * The embedded store: writes a second at 1, 64 and 1,000 in flight beside a bare loop of node:sqlite with the same
 * settings that commits as many rows at once, and what 100,000 records take in time and memory.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import type { Store } from '#lib/store/store.ts';
import type { Sample } from './h2load.ts';
import type { BenchOptions } from './options.ts';
import { type Comparison, compare } from './rounds.ts';
import type { LoadFigures, StoreLoadConfig } from './store-load.ts';

const IN_FLIGHT: readonly number[] = [1, 64, 1_000];
const RECORDS = 100_000;
const SMOKE_RECORDS = 1_000;
const VALUE = 'x'.repeat(200);
/** Keys are written again and again, so that a longer run is not one on a larger database. */
const KEYS_EACH = 100;

export async function runStoreBench(options: BenchOptions, report: (comparison: Comparison) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-bench-store-'));
  const store = await openEmbeddedStore({ directory: join(folder, 'store'), clock: systemClock });
  const bare = openBare(join(folder, 'bare.sqlite'));
  try {
    for (const inFlight of IN_FLIGHT) report(await besideBare({ options, store, bare, inFlight }));
    report(await load(join(folder, 'loaded'), options));
  } finally {
    bare.close();
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

interface Sides {
  readonly options: BenchOptions;
  readonly store: Store;
  readonly bare: DatabaseSync;
  readonly inFlight: number;
}

function besideBare({ options, store, bare, inFlight }: Sides): Promise<Comparison> {
  const { rounds, secondsPerRun } = options;
  const heading = {
    title: 'Store: writes beside a bare loop of node:sqlite',
    target: 'calls/s 0.30',
    shape: `${inFlight} in flight, values of ${VALUE.length} bytes`,
    rounds,
  };
  return compare(heading, [
    { name: `bare, ${inFlight} rows a commit`, run: async () => writeBare(bare, inFlight, secondsPerRun) },
    { name: 'embedded store', run: () => writeStore(store, inFlight, secondsPerRun) },
  ]);
}

function openBare(path: string): DatabaseSync {
  const bare = new DatabaseSync(path);
  bare.exec(
    'PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL',
  );
  bare.exec('CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID');
  return bare;
}

function writeBare(bare: DatabaseSync, rowsEach: number, seconds: number): Sample {
  const insert = bare.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
  const meter = new Meter();
  for (let commit = 0; meter.elapsedMs < seconds * 1000; commit++) {
    const startedMs = performance.now();
    bare.exec('BEGIN');
    for (let row = 0; row < rowsEach; row++) insert.run(`/bench/${row}/${commit % KEYS_EACH}`, VALUE);
    bare.exec('COMMIT');
    for (let row = 0; row < rowsEach; row++) meter.add(performance.now() - startedMs);
  }
  return meter.sample();
}

async function writeStore(store: Store, inFlight: number, seconds: number): Promise<Sample> {
  const meter = new Meter();
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; meter.elapsedMs < seconds * 1000; i++) {
      const startedMs = performance.now();
      const key = `/bench/${writer}/${i % KEYS_EACH}`;
      await store.transact({ compares: [], writes: [{ kind: 'put', key, value: VALUE }] });
      meter.add(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, writer) => write(writer)));
  return meter.sample();
}

/** In a process of its own, whose memory is nobody else's. */
async function load(directory: string, { smoke }: BenchOptions): Promise<Comparison> {
  const config: StoreLoadConfig = { directory, records: smoke ? SMOKE_RECORDS : RECORDS, valueBytes: VALUE.length };
  const program = join(import.meta.dirname, 'store-load.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(config)]);
  const { sample, listMs, openMs, rssBeforeMiB, rssMiB } = JSON.parse(stdout) as LoadFigures;
  const seconds = (config.records / sample.callsPerSecond).toFixed(1);
  const title = `Store: ${config.records} records loaded in ${seconds} s, listed in ${listMs} ms, checked at a start in ${openMs} ms, RSS ${rssMiB} MiB (${rssBeforeMiB} before)`;
  const heading = { title, target: 'none', shape: '1000 in flight', rounds: 1 };
  return compare(heading, [{ name: 'embedded store', run: async () => sample }]);
}

class Meter {
  readonly #startedMs = performance.now();
  readonly #cpuBefore = process.cpuUsage();
  readonly #tookMs: number[] = [];

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  add(tookMs: number): void {
    this.#tookMs.push(tookMs);
  }

  /** CPU time is that of the whole process, the worker included. */
  sample(): Sample {
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    const calls = this.#tookMs.length;
    const sorted = Float64Array.from(this.#tookMs).sort();
    return {
      callsPerSecond: calls / (this.elapsedMs / 1000),
      p50Ms: sorted[Math.floor(calls * 0.5)] ?? 0,
      p99Ms: sorted[Math.floor(calls * 0.99)] ?? 0,
      cpuMicroseconds: (user + system) / calls,
    };
  }
}
