/** What `npm run bench` was asked to do. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly names: readonly string[];
  /** Interleaved rounds; the figures are medians over them. */
  readonly rounds: number;
  readonly secondsPerRun: number;
  /** A moment of everything, so that it cannot rot; the figures mean nothing. */
  readonly smoke: boolean;
  /** Where the figures go as JSON. */
  readonly jsonPath: string | undefined;
}

export const USAGE = `usage: npm run bench -- [NAME...] [--rounds N] [--seconds N] [--json FILE] [--smoke]

  NAME       which benchmarks; all when none is named
  --rounds   interleaved rounds (6)
  --seconds  of each run in a round (3)
  --json     also write the figures to FILE
  --smoke    one short round: shows that the benchmarks work, measures nothing`;

/** @throws Error that says what is wrong with the arguments. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '6' },
      seconds: { type: 'string', default: '3' },
      json: { type: 'string' },
      smoke: { type: 'boolean', default: false },
    },
  });
  const { smoke } = values;
  return {
    names: positionals,
    rounds: smoke ? 1 : positive('--rounds', values.rounds),
    secondsPerRun: smoke ? 1 : positive('--seconds', values.seconds),
    smoke,
    jsonPath: values.json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number above 0`);
  return value;
}
