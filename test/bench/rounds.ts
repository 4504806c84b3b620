/**
 * Variants beside each other: interleaved rounds, medians, and ratios taken inside each round, because the machine
 * drifts by tens of per cent between rounds and hardly within one.
 */
import type { Sample } from './h2load.ts';

export interface Variant {
  readonly name: string;
  run(): Promise<Sample>;
}

export interface Comparison {
  readonly title: string;
  /** What the last row should reach, for example "calls/s at least 0.90". */
  readonly target: string;
  /** For example "1 connection x 64 streams". */
  readonly shape: string;
  readonly rows: readonly Row[];
  /** What is no rate, by name and unit: "longest pause (ms)". */
  readonly figures?: Readonly<Record<string, number>>;
}

export interface Row extends Sample {
  readonly name: string;
  /** Calls a second over those of the first variant: the median of the rounds. */
  readonly ratio: number;
  /** The same for CPU a call. */
  readonly cpuRatio: number;
  /** The same for the median latency. */
  readonly p50Ratio: number;
  readonly lowestRatio: number;
  readonly highestRatio: number;
}

export async function compare(
  { rounds, ...heading }: Pick<Comparison, 'title' | 'target' | 'shape'> & { readonly rounds: number },
  variants: readonly Variant[],
): Promise<Comparison> {
  const samples = variants.map((): Sample[] => []);
  for (let round = 0; round < rounds; round += 1) {
    // Every other round runs backwards, so that no variant always follows the same neighbour.
    const order = [...variants.keys()];
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      const sample = await variants[index]?.run();
      if (sample) samples[index]?.push(sample);
    }
  }
  const base = samples[0] ?? [];
  return { ...heading, rows: variants.map(({ name }, index) => toRow(name, samples[index] ?? [], base)) };
}

function toRow(name: string, samples: readonly Sample[], base: readonly Sample[]): Row {
  const ratios = (of: (sample: Sample) => number) =>
    samples.map((sample, round) => of(sample) / of(base[round] ?? sample));
  const calls = ratios(({ callsPerSecond }) => callsPerSecond);
  return {
    name,
    callsPerSecond: median(samples.map(({ callsPerSecond }) => callsPerSecond)),
    p50Ms: median(samples.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
    cpuMicroseconds: median(samples.map(({ cpuMicroseconds }) => cpuMicroseconds)),
    ratio: median(calls),
    cpuRatio: median(ratios(({ cpuMicroseconds }) => cpuMicroseconds)),
    p50Ratio: median(ratios(({ p50Ms }) => p50Ms)),
    lowestRatio: Math.min(...calls),
    highestRatio: Math.max(...calls),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** For a terminal. */
export function formatComparison({ title, target, shape, rows, figures = {} }: Comparison): string {
  const named = Object.entries(figures).map(([name, value]) => `${name}: ${Number(value.toFixed(1))}`);
  if (rows.length === 0) return [`${title} (${shape}; target: ${target})`, ...named].join('\n');
  const cells = rows.map((row) => [
    row.name,
    Math.round(row.callsPerSecond).toString(),
    `${row.ratio.toFixed(2)} (${row.lowestRatio.toFixed(2)}-${row.highestRatio.toFixed(2)})`,
    figure(row.p50Ms, 2),
    figure(row.p50Ratio, 2),
    figure(row.p99Ms, 2),
    figure(row.cpuMicroseconds, 1),
    figure(row.cpuRatio, 2),
  ]);
  const table = [
    ['variant', 'calls/s', 'ratio (range)', 'p50 ms', 'p50 ratio', 'p99 ms', 'CPU us/call', 'CPU ratio'],
    ...cells,
  ];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  const lines = table.map((row) => row.map((cell, column) => pad(cell, widths[column] ?? 0, column > 0)).join('  '));
  return [`${title} (${shape}; target: ${target})`, ...lines, ...named].join('\n');
}

/** What was not measured is no number. */
function figure(value: number, digits: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(digits);
}

function pad(cell: string, width: number, right: boolean): string {
  return right ? cell.padStart(width) : cell.padEnd(width);
}
