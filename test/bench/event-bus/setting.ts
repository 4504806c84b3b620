/** What all comparisons of the event bus share. */
import type { BusProcessOptions } from '../../harness/event-bus.ts';
import { type LoadedBus, startLoadedBus } from '../../harness/event-load/loaded-bus.ts';
import { type BenchServer, startBenchServer } from '../bench-server.ts';
import type { BenchOptions } from '../options.ts';
import { type Comparison, compare, type Variant } from '../rounds.ts';
import { startNats } from './nats-server.ts';

export const PAYLOAD_BYTES = 100;
/** Acknowledgements that a publisher has not got yet. */
export const IN_FLIGHT = 256;
/** Until the compiler has seen an event some ten thousand times. */
const WARM_UP_SECONDS = 2;

export interface Setting {
  readonly options: BenchOptions;
  readonly report: (comparison: Comparison) => void;
  /** Ends with the benchmark. */
  readonly running: AsyncDisposableStack;
  /** For what is no folder of a log. */
  readonly folder: string;
}

export async function startBus({ running }: Setting, options: BusProcessOptions = {}): Promise<LoadedBus> {
  return running.use(await startLoadedBus(options));
}

/** See plain-bus.ts. */
export async function startPlainBus({ running }: Setting): Promise<BenchServer> {
  const server = await startBenchServer('event-bus/plain-bus.ts', {});
  running.defer(() => void server.stop());
  return server;
}

export async function startNatsServer({ running, folder }: Setting, syncAlways = false): Promise<BenchServer> {
  const server = await startNats({ folder, syncAlways });
  running.defer(() => void server.stop());
  return server;
}

export interface Heading {
  readonly title: string;
  readonly target: string;
  readonly shape: string;
}

/** A variant that runs for so many seconds. */
export interface TimedVariant {
  readonly name: string;
  readonly run: (seconds: number) => ReturnType<Variant['run']>;
}

/** The first variant is what the others are compared with. */
export async function measure(
  { options }: Setting,
  heading: Heading,
  variants: readonly TimedVariant[],
): Promise<Comparison> {
  const { rounds, secondsPerRun, smoke } = options;
  if (!smoke) for (const { run } of variants) await run(WARM_UP_SECONDS);
  return compare(
    { ...heading, rounds },
    variants.map(({ name, run }) => ({ name, run: () => run(secondsPerRun) })),
  );
}
