/** Checks a runtime configuration against its format, and puts each mistake at its place with what is allowed there. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { quoted } from '#lib/printable.ts';
import type { Segments } from '#lib/schema/schema.ts';
import { describeError, suggest } from '#lib/schema/sentences.ts';
import { type FormatSchema, LATER_SECTIONS, runtimeFormat } from './format.ts';
import { MAX_PROBLEMS, memberOf, type RuntimeDocument } from './runtime-document.ts';

/** Compiles the format at the first call; the result may be called from anywhere. */
export function createShapeCheck(): (document: RuntimeDocument) => void {
  let check: ValidateFunction | undefined;
  return (document) => {
    check ??= compileFormat();
    checkShape(document, check);
  };
}

function compileFormat(): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, verbose: true, strictTypes: false, strictRequired: false });
  ajv.addKeyword('errorMessage');
  return ajv.compile(runtimeFormat());
}

function checkShape(document: RuntimeDocument, check: ValidateFunction): void {
  if (check(document.value)) return;
  // A few more than are shown: some of them are left out below, and a file may have as many as it has words.
  const errors = (check.errors ?? []).filter(isOwn).slice(0, 2 * MAX_PROBLEMS);
  // What is of the wrong type is also none of the words, too short, and so on.
  const mistyped = new Set(errors.flatMap(({ keyword, instancePath }) => (keyword === 'type' ? [instancePath] : [])));
  // Of the alternatives none stands there, because the one that was meant is misspelt.
  const misspelt = new Set(errors.flatMap((one) => (one.keyword === 'additionalProperties' ? [one.instancePath] : [])));
  for (const error of errors) {
    const { keyword, instancePath, parentSchema, data } = error;
    if (mistyped.has(instancePath) && keyword !== 'type') continue;
    if (keyword === 'oneOf' && misspelt.has(instancePath) && chosen(parentSchema as FormatSchema, data).length === 0)
      continue;
    report(document, error);
  }
}

/** Not the consequence of another: of an alternative that was not chosen, of the name of a member. */
function isOwn({ schemaPath, propertyName }: ErrorObject): boolean {
  return !schemaPath.includes('/oneOf/') && propertyName === undefined;
}

function report(document: RuntimeDocument, error: ErrorObject): void {
  const { keyword, params, instancePath } = error;
  const segments = segmentsOf(instancePath, document.value);
  const schema = error.parentSchema as FormatSchema;
  if (keyword === 'additionalProperties') {
    const name: string = params.additionalProperty;
    const known = Object.keys((schema.properties ?? {}) as object);
    document.add([...segments, name], unknown(segments, name, known), 'key');
  } else if (keyword === 'propertyNames') {
    document.add([...segments, params.propertyName], String(schema.errorMessage), 'key');
  } else if (keyword === 'required') {
    document.add([...segments, params.missingProperty], 'is missing; write it');
  } else if (keyword === 'oneOf') {
    document.add(segments, oneOfSentence(schema, error.data), 'key');
  } else document.add(segments, sentenceFor(error, schema));
}

function sentenceFor(error: ErrorObject, { errorMessage, propertyNames }: FormatSchema): string {
  const isBound = ['minLength', 'maxLength', 'maxItems', 'minimum', 'maximum'].includes(error.keyword);
  if (error.keyword === 'minProperties' || error.keyword === 'maxProperties') return countSentence(error);
  const isAboutNames = error.keyword === 'type' && propertyNames !== undefined;
  if (errorMessage !== undefined && !isBound && !isAboutNames) return String(errorMessage);
  if (error.keyword === 'minLength') return 'is empty; write it';
  return describeError(error);
}

/** A secret has exactly one source; any other map may have up to so many entries. */
function countSentence(error: ErrorObject): string {
  const { properties } = error.parentSchema as FormatSchema;
  return properties === undefined
    ? describeError(error)
    : `write exactly one of ${Object.keys(properties as object).join(', ')}`;
}

function unknown(segments: Segments, name: string, known: readonly string[]): string {
  if (segments.length === 0 && LATER_SECTIONS.includes(name)) {
    return 'comes with a later release of mcp2; remove it until then';
  }
  const isContextHttp = segments[0] === 'contexts' && segments.at(-1) === 'http';
  if (isContextHttp && (name === 'method' || name === 'body')) {
    return `a context is read by GET and has no ${name}; make it a tool, or remove ${name}`;
  }
  return `unknown field ${quoted(name)}${suggest(name, known)}`;
}

function oneOfSentence(schema: FormatSchema, data: unknown): string {
  const choice = `write exactly one of ${alternatives(schema).join(', ')}`;
  const given = chosen(schema, data);
  return given.length === 0 ? choice : `${choice}; here are ${given.join(' and ')}`;
}

function chosen(schema: FormatSchema, data: unknown): readonly string[] {
  return alternatives(schema).filter((name) => memberOf(data, name) !== undefined);
}

function alternatives({ oneOf }: FormatSchema): readonly string[] {
  return (oneOf as readonly { readonly required: readonly string[] }[]).flatMap(({ required }) => required);
}

/** From a JSON Pointer; a number only where the value is a list. */
function segmentsOf(pointer: string, root: unknown): Segments {
  const segments: (string | number)[] = [];
  let value = root;
  for (const escaped of pointer.split('/').slice(1)) {
    const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    const segment = Array.isArray(value) ? Number(name) : name;
    value = Array.isArray(value) ? value[Number(name)] : memberOf(value, name);
    segments.push(segment);
  }
  return segments;
}
