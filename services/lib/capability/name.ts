/**
 * The words of the protocol: which text is a segment, a name, a topic, a tool, a parameter or a server.
 *
 * Names are byte-exact ASCII: nothing here trims, folds or normalises, because two spellings of one name are two
 * rights. The one exception is `foldServerName`, which decides whether two server names collide, never whether a
 * right matches.
 */
import { ServiceError } from '#lib/errors.ts';

export const MAX_NAME_BYTES = 512;
export const MAX_NAME_SEGMENTS = 16;
/** Fewer than a name has: `event:publish:` and the event log's own prefix go in front. */
export const MAX_TOPIC_SEGMENTS = 12;
export const MAX_PARAMETERS = 256;

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.@=+~-]{0,127}$/;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@=+~-]{0,127}(?::[A-Za-z0-9_][A-Za-z0-9_.@=+~-]{0,127}){0,15}$/;
const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/;
const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const SERVER_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/;

const NAME_RULE =
  '1 to 16 segments joined by ":", at most 512 bytes; a segment is 1 to 128 of A-Z a-z 0-9 _ . @ = + ~ - and begins with a letter, a digit or _';
const RESERVED_SERVER_NAMES: readonly string[] = ['registryserver', 'eventbusserver', 'tokenserver'];

/** One part of a name, between colons. */
export function isSegment(text: string): boolean {
  return SEGMENT.test(text);
}

/** A context key, topic, stream id or capability without wildcards. */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME_BYTES && NAME.test(text);
}

export function isTopic(text: string): boolean {
  return isName(text) && text.split(':').length <= MAX_TOPIC_SEGMENTS;
}

/**
 * The grammar of the Model Context Protocol. Wider than a segment in one point: a tool whose name begins with "."
 * or "-" can be called through `tool:*`, but no capability can name it alone.
 */
export function isToolName(text: string): boolean {
  return TOOL_NAME.test(text);
}

/** `__proto__` is refused: as a key of a plain object it would not be stored but change the object. */
export function isParameterName(text: string): boolean {
  return PARAMETER_NAME.test(text) && text !== '__proto__';
}

export function isServerName(text: string): boolean {
  return SERVER_NAME.test(text);
}

/** Names of the control plane itself, under any spelling: nobody may register them. */
export function isReservedServerName(text: string): boolean {
  return RESERVED_SERVER_NAMES.includes(foldServerName(text));
}

/**
 * The form under which server names are unique: ASCII letters in lower case, every other character untouched (a
 * Unicode fold would make the Kelvin sign collide with "k").
 */
export function foldServerName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** @throws ServiceError NAME_INVALID. `what` names the field for the caller, for example "context_key". */
export function requireName(text: string, what: string): void {
  if (!isName(text)) throw invalidName(text, what, NAME_RULE);
}

/** @throws ServiceError NAME_INVALID */
export function requireTopic(text: string, what: string): void {
  if (!isTopic(text)) throw invalidName(text, what, `${NAME_RULE}; a topic has at most 12 segments`);
}

/** @throws ServiceError NAME_INVALID */
export function requireToolName(text: string, what: string): void {
  if (!isToolName(text)) throw invalidName(text, what, '1 to 128 of A-Z a-z 0-9 _ . -');
}

/** @throws ServiceError NAME_INVALID */
export function requireServerName(text: string, what: string): void {
  if (!isServerName(text)) throw invalidName(text, what, 'a letter, then up to 62 of A-Z a-z 0-9 _ . -');
}

/** @throws ServiceError ARGUMENT_INVALID when there are more than 256 parameters or one has no legal name. */
export function requireParameterNames(names: readonly string[], what: string): void {
  if (names.length > MAX_PARAMETERS) {
    throw new ServiceError('ARGUMENT_INVALID', `${what} has ${names.length} entries; at most ${MAX_PARAMETERS}`);
  }
  const bad = names.find((name) => !isParameterName(name));
  if (bad === undefined) return;
  const rule = 'a letter or _, then up to 63 of A-Z a-z 0-9 _ . -, and not __proto__';
  throw new ServiceError('ARGUMENT_INVALID', `${what} has the key ${quote(bad)}; a parameter name is ${rule}`);
}

/** Caller's text inside a message: escaped, so that it cannot pass for ours, and cut, so that a megabyte cannot come back. */
export function quote(text: string): string {
  const shown = JSON.stringify(text.slice(0, 64)).replace(INVISIBLE, escapeCodePoint);
  return text.length <= 64 ? shown : `${shown}… (${text.length} characters)`;
}

/** What JSON leaves as it is although it moves a terminal's cursor, turns a line around or is not seen. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escapeCodePoint(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

function invalidName(text: string, what: string, rule: string): ServiceError {
  return new ServiceError('NAME_INVALID', `${what} ${quote(text)} is not allowed: use ${rule}`);
}
