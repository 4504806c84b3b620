/** Checks a runtime configuration against its format, and puts each mistake at its place with what is allowed there. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { quoted } from '#lib/printable.ts';
import type { Segments } from '#lib/schema/schema.ts';
import { describeError, suggest } from '#lib/schema/sentences.ts';
import { type FormatSchema, LATER_SECTIONS, runtimeFormat } from './format.ts';
import { memberOf, type RuntimeDocument } from './runtime-document.ts';

/** Compiles the format once; the result may be called from anywhere. */
export function createShapeCheck(): (document: RuntimeDocument) => void {
  const ajv = new Ajv2020({ allErrors: true, verbose: true, strictTypes: false, strictRequired: false });
  ajv.addKeyword('errorMessage');
  const check = ajv.compile(runtimeFormat());
  return (document) => checkShape(document, check);
}

function checkShape(document: RuntimeDocument, check: ValidateFunction): void {
  if (check(document.value)) return;
  const errors = (check.errors ?? []).filter(isOwn);
  // What is of the wrong type is also none of the words, too short, and so on.
  const mistyped = new Set(errors.flatMap(({ keyword, instancePath }) => (keyword === 'type' ? [instancePath] : [])));
  for (const error of errors) {
    if (mistyped.has(error.instancePath) && error.keyword !== 'type') continue;
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

function sentenceFor(error: ErrorObject, { errorMessage }: FormatSchema): string {
  const isBound = ['minLength', 'maxLength', 'maxItems', 'minimum', 'maximum'].includes(error.keyword);
  if (errorMessage !== undefined && !isBound) return String(errorMessage);
  if (error.keyword === 'minLength') return 'is empty; write it';
  return describeError(error);
}

function unknown(segments: Segments, name: string, known: readonly string[]): string {
  if (segments.length === 0 && LATER_SECTIONS.includes(name)) {
    return `${name} comes with a later release of mcp2; remove it until then`;
  }
  const isContextHttp = segments[0] === 'contexts' && segments.at(-1) === 'http';
  if (isContextHttp && (name === 'method' || name === 'body')) {
    return `a context is read by GET and has no ${name}; make it a tool, or remove ${name}`;
  }
  return `unknown field ${quoted(name)}${suggest(name, known)}`;
}

function oneOfSentence({ oneOf }: FormatSchema, data: unknown): string {
  const names = (oneOf as readonly { readonly required: readonly string[] }[]).flatMap(({ required }) => required);
  const given = names.filter((name) => memberOf(data, name) !== undefined);
  const choice = `write exactly one of ${names.join(', ')}`;
  return given.length === 0 ? choice : `${choice}; here are ${given.join(' and ')}`;
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
