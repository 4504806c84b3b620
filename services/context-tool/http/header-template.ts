/**
 * Headers of an HTTP source: constant names, values with "{name}" in them or from a secret.
 *
 * A value is sent as UTF-8. One with a control character is refused, not cleaned: a line break would be a header of the
 * caller's own (RFC 9110 Section 5.5). A secret is never part of an error.
 */
import { ServiceError } from '#lib/errors.ts';
import type { SecretReference } from '../config/runtime-config.ts';
import { argumentOf, invalid, namesOf, onlyName, type Piece, parsePieces, textOf, type Values } from './placeholder.ts';

/** The secret's text as it is now. Rejects when it cannot be read. */
export type ReadSecret = (reference: SecretReference) => string | Promise<string>;

export interface HeaderTemplates {
  readonly problems: readonly HeaderProblem[];
  readonly names: readonly string[];
  /** By lower-case name. @throws ServiceError ARGUMENT_INVALID, BACKEND_UNAVAILABLE, BACKEND_REFUSED */
  fill(values: Values, readSecret: ReadSecret): Promise<Readonly<Record<string, string>>>;
}

export interface HeaderProblem {
  readonly header: string;
  readonly message: string;
}

interface Header {
  readonly name: string;
  readonly value: readonly Piece[] | SecretReference;
}

const MAX_VALUE_BYTES = 8_192;
/** RFC 9110 Section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const CONTROL = /\p{Cc}/u;
/** RFC 9110 Section 5.5: whatever else the configuration writes, servers read it as they like. */
const ASCII = /^[\x20-\x7e]*$/;
/** Of the connection (RFC 9110 Section 7.6.1) or of what the runtime itself says about the message. */
const OURS: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'host', 'content-length', 'content-encoding', 'expect', 'accept-encoding'],
  ...['if-none-match', 'if-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range'],
]);
/** Their constant values would be secrets in the configuration. */
const SECRET: ReadonlySet<string> = new Set(['authorization', 'cookie', 'x-api-key', 'api-key', 'x-auth-token']);

export function parseHeaders(headers: Readonly<Record<string, string | SecretReference>>): HeaderTemplates {
  const parsed = Object.entries(headers).map(([name, value]): Header => {
    return { name: name.toLowerCase(), value: typeof value === 'string' ? parsePieces(value) : value };
  });
  return {
    problems: Object.entries(headers).flatMap(([header, value]) =>
      problemsOf(header, value, parsed).map((message) => ({ header, message })),
    ),
    names: parsed.flatMap(({ value }) => (isPieces(value) ? namesOf(value) : [])),
    async fill(values, readSecret) {
      const filled: [string, string][] = [];
      for (const { name, value } of parsed) {
        const text = isPieces(value) ? fillValue(value, values) : await secretValue(name, value, readSecret);
        if (text !== undefined) filled.push([name, text]);
      }
      return Object.fromEntries(filled);
    },
  };
}

function problemsOf(header: string, value: string | SecretReference, all: readonly Header[]): readonly string[] {
  const name = header.toLowerCase();
  if (!TOKEN.test(header)) return ['is no name of a header; a placeholder cannot stand in it'];
  if (OURS.has(name)) return ['is set by the runtime or belongs to the connection; leave it out'];
  if (all.filter((other) => other.name === name).length > 1)
    return ['is there twice; upper and lower case are the same'];
  if (typeof value !== 'string') return [];
  if (CONTROL.test(value)) return ['holds a line break or another control character'];
  if (!ASCII.test(value)) return ['holds more than ASCII, which servers read differently; write it in ASCII'];
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) return [`is longer than ${MAX_VALUE_BYTES} bytes`];
  const isConstant = namesOf(parsePieces(value)).length === 0;
  return SECRET.has(name) && isConstant ? ['is a secret; write {fromFile: …} or {fromEnv: …} instead of its text'] : [];
}

/** undefined when the value is exactly one name, and that is absent: the header is left out. */
function fillValue(pieces: readonly Piece[], values: Values): string | undefined {
  const only = onlyName(pieces);
  if (only !== undefined && argumentOf(values, only) === undefined) return undefined;
  const filled = pieces.map((piece) => {
    if (typeof piece === 'string') return piece;
    const text = textOf(values, piece.name);
    if (CONTROL.test(text)) throw invalid(piece.name, 'goes into a header and must hold no control characters');
    if (Buffer.byteLength(text) > MAX_VALUE_BYTES) throw invalid(piece.name, `is longer than ${MAX_VALUE_BYTES} bytes`);
    return text;
  });
  return onTheWire(filled.join(''));
}

async function secretValue(header: string, reference: SecretReference, readSecret: ReadSecret): Promise<string> {
  let text: string;
  try {
    text = await readSecret(reference);
  } catch (cause) {
    const message = `the secret for the header "${header}" cannot be read; the log of the server says why`;
    throw new ServiceError('BACKEND_UNAVAILABLE', message, { cause });
  }
  // Editors and `echo` end a file with a line break.
  const value = text.replace(/\r?\n$/, '');
  if (value !== '' && !CONTROL.test(value) && value.isWellFormed() && value.length <= MAX_VALUE_BYTES)
    return onTheWire(value);
  const message = `the secret for the header "${header}" is empty, too long, or holds a control character`;
  throw new ServiceError('BACKEND_REFUSED', message, { cause: new Error(`header "${header}": unusable secret`) });
}

/** UTF-8, one character a byte, as undici writes headers. */
function onTheWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function isPieces(value: readonly Piece[] | SecretReference): value is readonly Piece[] {
  return Array.isArray(value);
}
