/**
 * Arguments and parameters from the wire, by the schema that describes them (wire-form.ts), then checked, with defaults.
 *
 * | form    | RAW bytes are                          | ARGUMENT_ENCODING_JSON |
 * | ------- | -------------------------------------- | ---------------------- |
 * | text    | the text, strict UTF-8                 | JSON                   |
 * | bytes   | the bytes; the value is their base64   | JSON                   |
 * | json    | JSON                                   | JSON                   |
 * | open    | the text, strict UTF-8                 | JSON                   |
 */
import { ArgumentEncoding, type ArgumentEncoding__Output } from '#protos/generated/mcp2/ArgumentEncoding.ts';
import { isParameterName, MAX_PARAMETERS, requireParameterNames } from '../capability/name.ts';
import { decodeText } from '../capability/parameter-value.ts';
import { ServiceError } from '../errors.ts';
import { StrictJsonError } from '../strict-json.ts';
import type { CompiledSchema } from './compile.ts';
import { isPlainObject } from './json-data.ts';
import { parseJsonText, toJsonText } from './json-text.ts';
import type { WireForm } from './wire-form.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The fields of ToolRequest that hold arguments. */
export interface WireArguments {
  readonly values: Readonly<Record<string, Buffer>>;
  /** ArgumentEncoding; absent: RAW. */
  readonly encoding?: Readonly<Record<string, number>> | undefined;
  /** `arguments_json`; empty: none. */
  readonly json?: Buffer | undefined;
  /** Without any argument it makes no difference here: no arguments are an empty object. */
  readonly hasArguments?: boolean | undefined;
}

const { ARGUMENT_ENCODING_RAW: RAW, ARGUMENT_ENCODING_JSON: JSON_TEXT } = ArgumentEncoding;

/** @throws ServiceError ARGUMENT_INVALID with metadata `path`, "/items/0/sku" */
export function decodeArguments(schema: CompiledSchema, wire: WireArguments): JsonObject {
  const { values, encoding, json } = wire;
  if (json !== undefined && json.length > 0) return checked(schema, { given: decodeWhole(wire, json) }, 'argument');
  return checked(schema, decodeEach(schema, values, encoding), 'argument');
}

/** The parameters of a context: as arguments, but all of them RAW. @throws ServiceError ARGUMENT_INVALID */
export function decodeParameters(schema: CompiledSchema, values: Readonly<Record<string, Buffer>>): JsonObject {
  return checked(schema, decodeEach(schema, values, undefined, 'parameter'), 'parameter');
}

type What = 'argument' | 'parameter';

interface Decoded {
  readonly given: JsonObject;
  /** Texts that were made from bytes. */
  readonly base64?: readonly string[] | undefined;
}

function checked(schema: CompiledSchema, { given, base64 }: Decoded, what: What): JsonObject {
  const result = schema.check(given, base64);
  if (result.ok) return result.value as JsonObject;
  const { path, message } = result;
  const where =
    path === ''
      ? `the ${what}s: the whole`
      : `the ${what} ${path.lastIndexOf('/') === 0 ? path.slice(1) : `at ${path}`}`;
  throw invalid(path, `${where} ${message}`);
}

function decodeWhole({ values, encoding = {} }: WireArguments, json: Buffer): JsonObject {
  if (Object.keys(values).length > 0 || Object.keys(encoding).length > 0) {
    throw invalid(
      '',
      'arguments_json has all arguments: leave arguments and argument_encoding empty, or do not send it',
    );
  }
  const value = decodeJson(json, '', 'arguments_json');
  if (isPlainObject(value)) return value;
  throw invalid('', 'arguments_json must be a JSON object');
}

function decodeEach(
  { forms }: CompiledSchema,
  values: Readonly<Record<string, Buffer>>,
  encoding: Readonly<Record<string, number>> | undefined,
  what: What = 'argument',
): Decoded {
  const names = Object.keys(values);
  requireParameterNames(names, `${what}s`);
  if (encoding !== undefined) checkEncoding(encoding, values);
  const given: Record<string, unknown> = {};
  const base64: string[] = [];
  for (const name of names) {
    const bytes = values[name];
    if (bytes === undefined) continue;
    const isJson = encoding !== undefined && Object.hasOwn(encoding, name) && encoding[name] === JSON_TEXT;
    const form = isJson ? 'json' : (forms.get(name) ?? 'open');
    const value = decodeOne(bytes, form, { name, what });
    if (form === 'bytes') base64.push(value as string);
    given[name] = value;
  }
  return { given, base64 };
}

interface Named {
  readonly name: string;
  readonly what: What;
}

function decodeOne(bytes: Buffer, form: WireForm, { name, what }: Named): unknown {
  if (form === 'bytes') return bytes.toString('base64');
  if (form === 'json') return decodeJson(bytes, `/${name}`, `the ${what} ${name}`);
  const text = decodeText(bytes);
  if (text === undefined) throw invalid(`/${name}`, `the ${what} ${name} must be UTF-8 text`);
  return text;
}

function decodeJson(bytes: Buffer, path: string, subject: string): unknown {
  const text = decodeText(bytes);
  if (text === undefined) throw invalid(path, `${subject} must be UTF-8 text`);
  try {
    return parseJsonText(text);
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw invalid(path, `${subject} is read as JSON, and the text ${error.message}`);
  }
}

function checkEncoding(encoding: Readonly<Record<string, number>>, values: Readonly<Record<string, Buffer>>): void {
  for (const [name, value] of Object.entries(encoding)) {
    requireParameterNames([name], 'argument_encoding');
    const path = `/${name}`;
    if (!Object.hasOwn(values, name))
      throw invalid(path, `argument_encoding names ${name}, which is no argument of this call`);
    if (value !== RAW && value !== JSON_TEXT)
      throw invalid(path, `argument_encoding of ${name} is ${value}; use RAW or JSON`);
  }
}

function invalid(path: string, message: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', message, { metadata: { path } });
}

/** The fields of a ToolRequest, for whoever does not know the tool's schema. */
export interface EncodedArguments {
  readonly arguments: Record<string, Buffer>;
  readonly argument_encoding: Record<string, ArgumentEncoding__Output>;
  /** Absent unless a name is no parameter name. */
  readonly arguments_json?: Buffer;
  readonly has_arguments: true;
}

/**
 * Texts and bytes go as they are, a bigint as its digits, anything else as JSON and listed as such; members that are
 * undefined are left out. Where a name is none of the parameter grammar, or there are more than 256, all go as one object.
 *
 * @throws TypeError for a value that JSON does not know
 */
export function encodeArguments(args: JsonObject): EncodedArguments {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  if (given.length > MAX_PARAMETERS || !given.every(([name]) => isParameterName(name))) {
    const json = Buffer.from(toJsonText(Object.fromEntries(given)));
    return { arguments: {}, argument_encoding: {}, arguments_json: json, has_arguments: true };
  }
  const values: Record<string, Buffer> = {};
  const encoding: Record<string, ArgumentEncoding__Output> = {};
  for (const [name, value] of given) {
    const raw = rawBytes(value);
    values[name] = raw ?? Buffer.from(toJsonText(value));
    if (raw === undefined) encoding[name] = JSON_TEXT;
  }
  return { arguments: values, argument_encoding: encoding, has_arguments: true };
}

/**
 * The parameters of a context, whose request has no list of encodings: texts and bytes as they are, anything else as JSON.
 * A parameter that may be a text and something else arrives as a text.
 *
 * @throws TypeError for a value that JSON does not know, or a name outside of the parameter grammar
 */
export function encodeParameters(parameters: JsonObject): Record<string, Buffer> {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  const bad = given.find(([name]) => !isParameterName(name));
  if (bad !== undefined) throw new TypeError(`${JSON.stringify(bad[0])} is no name of a parameter`);
  return Object.fromEntries(given.map(([name, value]) => [name, rawBytes(value) ?? Buffer.from(toJsonText(value))]));
}

/** @returns undefined for what goes as JSON */
export function rawBytes(value: unknown): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return typeof value === 'bigint' ? Buffer.from(value.toString()) : undefined;
}
