/** `npm run bench`: runs the named benchmarks, prints tables with ratios and writes JSON. Figures gate nothing. */

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { runEventBusBench } from './event-bus-bench.ts';
import type { BenchOptions } from './options.ts';
import { readOptions, USAGE } from './options.ts';
import { runRegistryBench } from './registry-bench.ts';
import { type Comparison, formatComparison } from './rounds.ts';
import { runStandaloneBench } from './standalone-bench.ts';
import { runStoreBench } from './store-bench.ts';
import { runToolsBench } from './tools-bench.ts';

type Bench = (options: BenchOptions, report: (comparison: Comparison) => void) => Promise<void>;

const BENCHES: Readonly<Record<string, Bench>> = Object.freeze({
  'context-tool': runToolsBench,
  'event-bus': runEventBusBench,
  registry: runRegistryBench,
  standalone: runStandaloneBench,
  store: runStoreBench,
});

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const options = readOptions(args);
  const names = options.names.length > 0 ? options.names : Object.keys(BENCHES);
  const unknown = names.find((name) => !(name in BENCHES));
  if (unknown !== undefined)
    throw new Error(`there is no benchmark "${unknown}"; there are: ${Object.keys(BENCHES).join(', ')}`);
  const comparisons: Comparison[] = [];
  for (const name of names) {
    await BENCHES[name]?.(options, (comparison) => {
      comparisons.push(comparison);
      console.log(`\n${formatComparison(comparison)}`);
    });
  }
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
  const { rounds, secondsPerRun, smoke, jsonPath } = options;
  if (jsonPath !== undefined) {
    writeFileSync(jsonPath, `${JSON.stringify({ machine, rounds, secondsPerRun, smoke, comparisons }, null, 2)}\n`);
  }
  if (smoke) console.log('\na smoke run: these figures mean nothing');
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
