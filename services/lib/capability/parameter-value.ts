/**
 * How the bytes of a parameter are read before a constraint looks at them: strict UTF-8, canonical decimals, paths.
 *
 * Strict on purpose: a value that two readers could understand differently ("1e3", "a/../b", a byte order mark) is
 * refused, or the check and the tool behind it would not see the same value.
 */

/** A decimal as `units` / 10^`scale`, so that it is compared without rounding. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const MAX_DECIMAL_CHARACTERS = 32;
/** No exponent, no "+", no leading zero, no negative zero. */
const DECIMAL = /^(?!-0(?:\.0+)?$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/** `ignoreBOM` keeps a byte order mark as a character: nothing is normalised away. */
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @returns undefined when the bytes are not UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** @returns undefined for text that is no canonical decimal of at most 32 characters. */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > MAX_DECIMAL_CHARACTERS || !DECIMAL.test(text)) return undefined;
  const [whole = '', fraction = ''] = text.split('.');
  return { units: BigInt(whole + fraction), scale: fraction.length };
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const left = a.units * 10n ** BigInt(Math.max(0, b.scale - a.scale));
  const right = b.units * 10n ** BigInt(Math.max(0, a.scale - b.scale));
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * The segments of a path; an absolute path begins with an empty one, so "/data" and "data" never compare equal.
 *
 * @returns undefined for NUL, backslash, "%" (an escape that a later decoder could turn into a separator) and for
 * empty, "." and ".." segments, hence also for "/" and a trailing slash.
 */
export function parsePath(text: string): readonly string[] | undefined {
  if (/[\0\\%]/.test(text)) return undefined;
  const isAbsolute = text.startsWith('/');
  const segments = (isAbsolute ? text.slice(1) : text).split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) return undefined;
  return isAbsolute ? ['', ...segments] : segments;
}

/** True when `path` is `base` itself or lies below it. */
export function isUnder(base: readonly string[], path: readonly string[]): boolean {
  return base.length <= path.length && base.every((segment, i) => segment === path[i]);
}
