/**
 * Checks the shape of a resource: types, bounds, enumerations, unknown fields, and the list types "set" and "map".
 *
 * The checks are those of the schema that the API server has. JSON Schema (ajv) does most of them; it does not know
 * list types, and its messages are rewritten for a person who edits a YAML file.
 */
import { Ajv, type ErrorObject } from 'ajv';
import { formatPath, isObject, type Schema, type Segments } from './schema.ts';

export interface Problem {
  /** For people: "spec.capabilities[0].name". */
  readonly path: string;
  /** What is wrong and what to write instead. */
  readonly message: string;
  /** The same place for programs, to find its line in a file. */
  readonly segments: Segments;
}

export interface StructureOptions {
  /** True for what an API server stored: it may run a newer schema, and has dropped what its own does not know. */
  readonly ignoreUnknownFields: boolean;
}

const MAX_SUGGESTION_DISTANCE = 3;

/** Compiles once; the result may be called from anywhere. */
export function createStructureCheck(schema: Schema) {
  // strictTypes is off for int-or-string, whose maxLength belongs to one of its two types.
  const validate = new Ajv({ allErrors: true, strictTypes: false, verbose: true }).compile(toJsonSchema(schema));
  return function checkStructure(value: unknown, { ignoreUnknownFields }: StructureOptions): Problem[] {
    validate(value);
    const errors = (validate.errors ?? []).filter(
      ({ keyword }) => !(ignoreUnknownFields && keyword === 'additionalProperties'),
    );
    return [...errors.map((error) => toProblem(error, value)), ...findDuplicates(value, schema, [])];
  };
}

export function problemAt(segments: Segments, message: string): Problem {
  return { path: formatPath(segments), message, segments };
}

/** An object that lists its properties is closed, except one that lists none ("metadata.ownerReferences"). */
function toJsonSchema(schema: Schema): Record<string, unknown> {
  const { type, properties, additionalProperties, items, required } = schema;
  const { pattern, minimum, maximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties } = schema;
  const bounds = { pattern, minimum, maximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties };
  const rest = additionalProperties ? toJsonSchema(additionalProperties) : properties ? false : undefined;
  const json = {
    ...bounds,
    type: schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : type,
    enum: schema.enum,
    required,
    properties: properties && mapValues(properties, toJsonSchema),
    additionalProperties: rest,
    items: items && toJsonSchema(items),
  };
  return Object.fromEntries(Object.entries(json).filter(([, member]) => member !== undefined));
}

function toProblem(error: ErrorObject, root: unknown): Problem {
  const segments = toSegments(error.instancePath, root);
  const { params } = error;
  if (error.keyword === 'required') return problemAt([...segments, params.missingProperty], 'is missing; write it');
  if (error.keyword === 'additionalProperties') {
    const unknown = [...segments, params.additionalProperty as string];
    const known = Object.keys((error.parentSchema as { properties: object }).properties);
    return problemAt(unknown, `unknown field ${formatPath(unknown)}${suggest(params.additionalProperty, known)}`);
  }
  return problemAt(segments, describe(error));
}

function describe({ keyword, params, data, message, schema }: ErrorObject): string {
  switch (keyword) {
    case 'type':
      return `write ${[params.type].flat().map(withArticle).join(' or ')}, not ${withArticle(typeOf(data))}`;
    case 'enum':
      return `${JSON.stringify(data)} is not possible; write ${oneOf(schema as string[])}`;
    case 'minimum':
      return `${data} is too small; write at least ${params.limit}`;
    case 'maximum':
      return `${data} is too large; write at most ${params.limit}`;
    case 'maxLength':
      return `is too long; write at most ${params.limit} characters`;
    case 'minItems':
    case 'minProperties':
      return `write at least ${params.limit} ${params.limit === 1 ? 'entry' : 'entries'}`;
    case 'maxItems':
    case 'maxProperties':
      return `has too many entries; write at most ${params.limit}`;
    case 'pattern': // of metadata alone: all else is a rule with its own sentence
      return "write lower-case letters, digits and '-' that start and end with a letter or a digit";
    default:
      return message ?? `breaks "${keyword}"`;
  }
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
}

/** The list types "set" and "map" (KEP-555): no member, or no key of a member, twice. */
function findDuplicates(value: unknown, schema: Schema, segments: Segments): Problem[] {
  if (Array.isArray(value)) {
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const problems: Problem[] = [];
    const seen = new Set<string>();
    for (const [index, item] of value.entries()) {
      const place = [...segments, index];
      const identity = JSON.stringify(keys.length > 0 && isObject(item) ? keys.map((key) => item[key]) : item);
      if (isUnique(schema) && seen.has(identity)) problems.push(problemAt(place, duplicateMessage(item, keys)));
      seen.add(identity);
      problems.push(...findDuplicates(item, schema.items ?? {}, place));
    }
    return problems;
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const inner = schema.properties?.[key] ?? schema.additionalProperties;
    return inner ? findDuplicates(member, inner, [...segments, key]) : [];
  });
}

function isUnique(schema: Schema): boolean {
  return schema['x-kubernetes-list-type'] === 'set' || schema['x-kubernetes-list-type'] === 'map';
}

function duplicateMessage(item: unknown, keys: readonly string[]): string {
  const [key] = keys;
  const what = key !== undefined && isObject(item) ? `the ${key} ${JSON.stringify(item[key])}` : JSON.stringify(item);
  return `${what} stands in this list twice; remove one`;
}

function suggest(name: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }));
  const nearest = distances.sort((a, b) => a.distance - b.distance)[0];
  if (nearest && nearest.distance <= Math.min(MAX_SUGGESTION_DISTANCE, nearest.candidate.length / 2)) {
    return `, did you mean ${nearest.candidate}?`;
  }
  return `; possible here: ${known.join(', ')}`;
}

/** Levenshtein's, without regard to case, over the first 64 characters: field names are shorter. */
function editDistance(left: string, right: string): number {
  const [a, b] = [left.slice(0, 64).toLowerCase(), right.slice(0, 64).toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, at(row, j) + 1, at(next, j - 1) + 1));
    }
    row = next;
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function withArticle(type: string): string {
  const words: Record<string, string> = {
    array: 'a list',
    object: 'a map',
    integer: 'a whole number',
    null: 'nothing',
  };
  return words[type] ?? `a ${type}`;
}

/** From a JSON pointer (RFC 6901), which does not say whether "0" is the first item of a list or a key of a map. */
function toSegments(pointer: string, root: unknown): Segments {
  let value = root;
  return pointer
    .split('/')
    .slice(1)
    .map((escaped) => {
      const part = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
      const segment = Array.isArray(value) ? Number(part) : part;
      value = (value as Record<string | number, unknown>)[segment];
      return segment;
    });
}

function mapValues<From, To>(values: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
