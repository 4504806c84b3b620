/**
 * How soon `mcp2 up` is ready with the inventory of the examples.
 *
 * Then, while 500 hostile files come into its folder: how long the event loop that serves stands still, and what a Lookup
 * takes meanwhile. Both are measured without such files first, on the same process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EventLoopProbe } from '../harness/event-loop.ts';
import { eventually } from '../harness/eventually.ts';
import { putHostileFile, seededRandom } from '../harness/hostile-files.ts';
import { startTraffic, type TrafficReport } from '../harness/lookup-traffic.ts';
import { createStandalone, INVENTORY, type Standalone } from '../harness/mcp2-command.ts';
import type { BenchOptions } from './options.ts';
import type { Comparison } from './rounds.ts';

const SERVER = { serverName: 'InventoryDB_Primary' };
const SEED = 20_261_130;
const FILES = 500;
const FILES_IN_SMOKE = 20;
/** At one time in the folder; later ones take the place of earlier ones. */
const PLACES = 200;
const STARTS = 5;
const INVENTORY_SERVERS = 3;

type Report = (comparison: Comparison) => void;

export async function runStandaloneBench(options: BenchOptions, report: Report): Promise<void> {
  await measureStarts(options, report);
  await measureFiles(options, report);
}

/** As after `npm ci`, with nothing remembered, and once more. */
async function measureStarts({ smoke }: BenchOptions, report: Report): Promise<void> {
  const first: number[] = [];
  const again: number[] = [];
  for (let round = 0; round < (smoke ? 1 : STARTS); round += 1) {
    await using up = await createStandalone({ args: ['--files', INVENTORY] });
    first.push(await timeStart(up));
    await up.interrupt();
    again.push(await timeStart(up));
    await up.interrupt();
  }
  report({
    title: 'mcp2 up with the inventory',
    target: 'ready within 5 s on two idle cores',
    shape: 'until all three servers are listed as ready',
    rows: [],
    figures: {
      'first start, slowest (s)': Math.max(...first),
      'start with its state, slowest (s)': Math.max(...again),
    },
  });
}

async function timeStart(up: Standalone): Promise<number> {
  const startMs = performance.now();
  await up.start();
  const seconds = (performance.now() - startMs) / 1_000;
  const ready =
    (await up.output())
      .split('\nNAME ')
      .at(-1)
      ?.match(/^\S+ +True /gm) ?? [];
  if (ready.length !== INVENTORY_SERVERS) throw new Error(`${ready.length} servers are ready:\n${await up.output()}`);
  return Number(seconds.toFixed(2));
}

async function measureFiles({ smoke, secondsPerRun }: BenchOptions, report: Report): Promise<void> {
  const probe = await EventLoopProbe.create();
  await using up = await createStandalone({ nodeArgs: probe.nodeArgs });
  up.writeInventory();
  await up.start();
  const files = smoke ? FILES_IN_SMOKE : FILES;
  const measure = async (work: () => Promise<void>) => {
    await probe.reset();
    const traffic = await startTraffic(up, { ...SERVER, pauseMs: 5 });
    await work();
    return { traffic: await traffic.stop(), pauses: await probe.read() };
  };
  const quiet = await measure(() => sleep(secondsPerRun * 1000));
  const hostile = await measure(() => putFiles(up, files));
  report({
    title: 'mcp2 up and files of others',
    target: 'no pause over 1,000 ms, no failed lookup',
    shape: `${files} files, 1 lookup after the other`,
    rows: [],
    figures: {
      ...named('without them', quiet.traffic, quiet.pauses),
      ...named('with them', hostile.traffic, hostile.pauses),
    },
  });
}

/** Until the last one was read. */
async function putFiles(up: Standalone, files: number): Promise<void> {
  const random = seededRandom(SEED);
  for (let index = 0; index < files; index += 1) {
    putHostileFile(up.files, `h${index % PLACES}.yaml`, random);
    await sleep(20);
  }
  up.writeServer('zz.yaml', { name: 'later', serverName: 'Later' });
  await eventually(
    async () => (await up.run(['get', 'servers', 'later'])).stdout,
    (stdout) => stdout.includes('Later'),
    { timeoutMs: 300_000, intervalMs: 500 },
  );
}

function named(when: string, traffic: TrafficReport, pauses: { readonly longestMs: number; readonly p99Ms: number }) {
  return {
    [`event loop, longest pause ${when} (ms)`]: pauses.longestMs,
    [`event loop, p99 ${when} (ms)`]: pauses.p99Ms,
    [`lookups ${when}`]: traffic.calls,
    [`failed lookups ${when}`]: traffic.failures.length,
    [`lookup p50 ${when} (ms)`]: traffic.p50Ms,
    [`lookup p99 ${when} (ms)`]: traffic.p99Ms,
    [`longest lookup ${when} (ms)`]: traffic.longestMs,
  };
}
