/**
 * JSON as arguments carry it, both ways. In: strict (no doubled names, bounded nesting), and no number that would arrive as
 * another one. Out: canonical, and nothing that JSON would change without a word.
 */
import { canonicalJson } from '../canonical-json.ts';
import { parseStrictJson, StrictJsonError } from '../strict-json.ts';
import { isPlainObject } from './json-data.ts';

/** Of one argument. */
const MAX_DEPTH = 64;
/** Only then can a number be one that is rounded, or too large. */
const LONG_NUMBER = /\d{16}|[eE]/;
const NUMBER = /-?\d[\d.eE+-]*/y;
/** Half a character: a text in UTF-8 cannot have it. */
const MAYBE_LONE_SURROGATE = /\\u[dD][89a-fA-F]/;

/**
 * A whole number beyond ±(2^53 − 1) that is written out is refused: it would arrive as another one. One with an exponent or
 * a fraction is taken for what it is, a double.
 *
 * @throws StrictJsonError whose message goes on from "the text": "is not JSON"
 */
export function parseJsonText(text: string): unknown {
  const value = parseStrictJson(text, MAX_DEPTH);
  if (LONG_NUMBER.test(text)) refuseRounded(text);
  if (MAYBE_LONE_SURROGATE.test(text) && !isWellFormed(value))
    throw new StrictJsonError('has half a character in a text');
  return value;
}

/**
 * Canonical JSON of a value in a program. Members that are undefined are left out, an object with `toJSON` (a Date) is
 * what that says, bytes are base64.
 *
 * @throws TypeError for what JSON does not know: NaN, a function, a Map, a bigint
 */
export function toJsonText(value: unknown): string {
  return canonicalJson(toJsonData(value, 0));
}

/** One pass over text that is known to be JSON. */
function refuseRounded(text: string): void {
  for (let i = 0; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (character === '"') i = endOfString(text, i);
    else if (character === '-' || (character >= '0' && character <= '9')) {
      NUMBER.lastIndex = i;
      const [token = character] = NUMBER.exec(text) ?? [];
      refuseRoundedNumber(token);
      i += token.length - 1;
    }
  }
}

function refuseRoundedNumber(token: string): void {
  const value = Number(token);
  if (!Number.isFinite(value)) throw new StrictJsonError('has a number that is too large');
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && !/[.eE]/.test(token)) {
    throw new StrictJsonError('has a whole number beyond ±9007199254740991, which would be rounded; send it as a text');
  }
}

/** Of the string that begins at `start`: the place of its closing quote. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (Array.isArray(value)) return value.every(isWellFormed);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, member]) => name.isWellFormed() && isWellFormed(member));
}

function toJsonData(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new TypeError(`a value nests deeper than ${MAX_DEPTH} levels`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw new TypeError(`${value} is no JSON value`);
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map((item) => toJsonData(item ?? null, depth + 1));
  if (typeof value === 'object' && typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return toJsonData((value as { toJSON(): unknown }).toJSON(), depth + 1);
  }
  if (!isPlainObject(value)) throw new TypeError(`a ${nameOf(value)} is no JSON value`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, toJsonData(member, depth + 1)]));
}

function nameOf(value: unknown): string {
  if (typeof value !== 'object') return typeof value;
  const maker = (value as { readonly constructor?: { readonly name?: unknown } }).constructor;
  return typeof maker?.name === 'string' ? maker.name : 'value';
}
