/** JSON values as SQLite takes them: integers as INTEGER, other numbers as REAL, booleans as 0 and 1, the rest as text. */
import type { SqlValue } from './messages.ts';

/** Every name gets a value, one that is absent NULL. @param sources Asked in this order. */
export function bindValues(
  names: readonly string[],
  sources: readonly Readonly<Record<string, unknown>>[],
): readonly SqlValue[] {
  return names.map((name) => {
    const source = sources.find((each) => Object.hasOwn(each, name));
    return source === undefined ? null : toSqlValue(source[name]);
  });
}

/** SQLite's INTEGER. */
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

function toSqlValue(value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'bigint') return isInteger(value) ? value : String(value);
  if (typeof value === 'number') return fromNumber(value);
  return JSON.stringify(value) ?? null;
}

function fromNumber(value: number): SqlValue {
  if (!Number.isInteger(value)) return value;
  const integer = BigInt(value);
  return isInteger(integer) ? integer : value;
}

function isInteger(value: bigint): boolean {
  return value >= MIN_INTEGER && value <= MAX_INTEGER;
}
