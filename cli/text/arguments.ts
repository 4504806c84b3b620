/** Options that commander cannot check by itself. Each throws a sentence that commander prints with the usage. */
import { InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '#lib/config/env-reader.ts';

/** For an option that may be repeated or hold several values with commas. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  const values = value.split(',').map((part) => part.trim());
  if (values.includes('')) throw new InvalidArgumentError('Names are separated by single commas.');
  return [...before, ...values];
}

/** For an option that may be repeated and whose values may hold anything. */
export function collectTexts(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** For `--tag key=value`; may be repeated. */
export function collectPairs(
  value: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const split = value.indexOf('=');
  if (split < 1) throw new InvalidArgumentError('Write it as key=value.');
  return { ...before, [value.slice(0, split)]: value.slice(split + 1) };
}

/** For an option that is JSON; may be repeated. */
export function collectJson(value: string, before: readonly unknown[] = []): readonly unknown[] {
  try {
    return [...before, JSON.parse(value)];
  } catch {
    throw new InvalidArgumentError('It is no JSON.');
  }
}

export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** "15m" and the like, in whole seconds. */
export function durationSeconds(value: string): number {
  const ms = parseDurationMs(value);
  if (ms !== undefined && ms >= 1000) return Math.floor(ms / 1000);
  throw new InvalidArgumentError('Write a duration such as 90s, 15m or 1h.');
}

/** "500ms", "10s" and the like, in milliseconds. */
export function durationMs(value: string): number {
  const ms = parseDurationMs(value);
  if (ms !== undefined && ms > 0) return ms;
  throw new InvalidArgumentError('Write a duration such as 500ms, 10s or 2m.');
}

export function stateOption(): Option {
  return new Option('--state <dir>', 'the state folder (default: $MCP2_STATE or ~/.local/state/mcp2)');
}
