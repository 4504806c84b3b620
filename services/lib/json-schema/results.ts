/**
 * What a tool gives back, on the wire: the members of an object each for itself (`outputs`: texts and bytes as they are,
 * anything else as JSON), any other value as one JSON text (`structured_json`).
 *
 * Read with the tool's output schema it is the same value again; bytes stay bytes. Without one a text that happens to be
 * JSON ("42") cannot be told from JSON: it is read as JSON.
 */
import { isParameterName } from '../capability/name.ts';
import { decodeText } from '../capability/parameter-value.ts';
import { rawBytes } from './arguments.ts';
import { isPlainObject } from './json-data.ts';
import { toJsonText } from './json-text.ts';
import type { WireForm } from './wire-form.ts';

export interface EncodedResult {
  readonly outputs: Readonly<Record<string, Buffer>>;
  /** Absent where `outputs` has it. */
  readonly structured?: Buffer;
}

/**
 * A result that is undefined has no outputs. An object with a name outside of the parameter grammar goes as one JSON text.
 *
 * @throws TypeError for a value that JSON does not know
 */
export function encodeResult(result: unknown): EncodedResult {
  if (result === undefined) return { outputs: {} };
  const isObject = isPlainObject(result) && Object.keys(result).every(isParameterName);
  if (!isObject) return { outputs: {}, structured: Buffer.from(toJsonText(result)) };
  const given = Object.entries(result).filter(([, value]) => value !== undefined);
  const outputs = given.map(([name, value]) => [name, rawBytes(value) ?? Buffer.from(toJsonText(value))] as const);
  return { outputs: Object.fromEntries(outputs) };
}

/**
 * @param structured `structured_json`; empty: `outputs` has the result
 * @param forms Of the output schema; undefined: it is not known
 */
export function decodeResult(
  outputs: Readonly<Record<string, Buffer>>,
  structured: Buffer,
  forms?: ReadonlyMap<string, WireForm>,
): unknown {
  if (structured.length > 0) return decodeOutput(structured, 'json');
  return Object.fromEntries(
    Object.entries(outputs).map(([name, bytes]) => [name, decodeOutput(bytes, forms?.get(name) ?? 'open')]),
  );
}

/** A text that is no JSON stays a text, bytes that are no text stay bytes: an answer that came is never an error. */
function decodeOutput(bytes: Buffer, form: WireForm): unknown {
  if (form === 'bytes') return bytes;
  const text = decodeText(bytes);
  if (text === undefined) return bytes;
  return form === 'text' ? text : jsonOrText(text);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
