/** JSON values as SQLite takes them: integers as INTEGER, other numbers as REAL, booleans as 0 and 1, the rest as text. */
import { ServiceError } from '#lib/errors.ts';
import type { SqlValue } from './messages.ts';

/**
 * Every name gets a value, one that is absent NULL.
 *
 * @param sources Asked in this order.
 * @throws ServiceError ARGUMENT_INVALID for a text that no database stores as it is
 */
export function bindValues(
  names: readonly string[],
  sources: readonly Readonly<Record<string, unknown>>[],
): readonly SqlValue[] {
  return names.map((name) => {
    const source = sources.find((each) => Object.hasOwn(each, name));
    return source === undefined ? null : requireText(name, toSqlValue(source[name]));
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

/** Half of a surrogate pair has no UTF-8, and SQLite's functions take NUL for the end. */
function requireText(name: string, value: SqlValue): SqlValue {
  if (typeof value !== 'string') return value;
  if (!value.isWellFormed()) throw invalid(name, 'holds one half of a surrogate pair, which is no character');
  if (value.includes('\0')) throw invalid(name, 'holds the character NUL, which the database cannot store');
  return value;
}

function invalid(name: string, what: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', `"${name}" ${what}`, { metadata: { path: `/${name}` } });
}
