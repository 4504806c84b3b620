/**
 * Checks the shape of a resource: types, bounds, enumerations, unknown fields, and the list types "set" and "map".
 *
 * The checks are those of the schema that the API server has. JSON Schema (ajv) judges each value by itself; the way
 * through them is ours, because it ends after 20 problems (ajv knows the first one or all), asks each list for doubles,
 * and says unknown fields in words for a person who edits a YAML file.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { formatPath, isObject, type Schema, type Segments } from './schema.ts';
import { describeError, show, suggest } from './sentences.ts';

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

/** Nobody reads more at once, and a hostile file has as many as it has words. */
export const MAX_PROBLEMS = 20;

/** One place of the schema, with what is asked of the value itself. */
interface Place {
  readonly schema: Schema;
  readonly check: ValidateFunction;
  readonly properties: ReadonlyMap<string, Place>;
  /** Of the values of a map. */
  readonly rest: Place | undefined;
  readonly items: Place | undefined;
}

/** Compiles once; the result may be called from anywhere. It has at most `MAX_PROBLEMS`. */
export function createStructureCheck(schema: Schema) {
  // strictTypes is off for int-or-string, whose maxLength belongs to one of its two types.
  const ajv = new Ajv({ allErrors: true, strictTypes: false, verbose: true });
  const compiled = new Map<string, ValidateFunction>();
  const root = toPlace(schema, (own) => {
    const key = JSON.stringify(own);
    const check = compiled.get(key) ?? ajv.compile(own);
    compiled.set(key, check);
    return check;
  });
  return function checkStructure(value: unknown, options: StructureOptions): Problem[] {
    const problems: Problem[] = [];
    visit({ value, place: root, segments: [] }, options, problems);
    return problems.slice(0, MAX_PROBLEMS);
  };
}

export function problemAt(segments: Segments, message: string): Problem {
  return { path: formatPath(segments), message, segments };
}

function toPlace(schema: Schema, compile: (own: object) => ValidateFunction): Place {
  const { properties = {}, additionalProperties, items } = schema;
  return {
    schema,
    check: compile(ownKeywords(schema)),
    properties: new Map(Object.entries(properties).map(([name, inner]) => [name, toPlace(inner, compile)])),
    rest: additionalProperties && toPlace(additionalProperties, compile),
    items: items && toPlace(items, compile),
  };
}

/** What the schema asks of the value itself, as JSON Schema; its members and items have places of their own. */
function ownKeywords(schema: Schema): Record<string, unknown> {
  const { type, required } = schema;
  const { pattern, minimum, maximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties } = schema;
  const json = {
    ...{ pattern, minimum, maximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties },
    type: schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : type,
    enum: schema.enum,
    required,
  };
  return Object.fromEntries(Object.entries(json).filter(([, member]) => member !== undefined));
}

interface Visited {
  readonly value: unknown;
  readonly place: Place;
  readonly segments: Segments;
}

/** Adds to `problems` until there are enough. */
function visit({ value, place, segments }: Visited, options: StructureOptions, problems: Problem[]): void {
  if (problems.length >= MAX_PROBLEMS) return;
  if (!place.check(value)) {
    const errors = place.check.errors ?? [];
    // What is of the wrong type is also none of the values, too long, and so on.
    const type = errors.find(({ keyword }) => keyword === 'type');
    problems.push(...(type ? [type] : errors).map((error) => toProblem(error, segments)));
  }
  if (Array.isArray(value)) visitItems({ value, place, segments }, options, problems);
  else if (isObject(value)) visitMembers({ value, place, segments }, options, problems);
}

/** An object that lists its properties is closed, except one that lists none ("metadata.ownerReferences"). */
function visitMembers({ value, place, segments }: Visited, options: StructureOptions, problems: Problem[]): void {
  const { properties, rest } = place;
  const isClosed = properties.size > 0 && rest === undefined && !options.ignoreUnknownFields;
  const members = Object.entries(value as object).filter(([, member]) => member !== undefined);
  if (isClosed) {
    const unknown = members.filter(([name]) => !properties.has(name)).slice(0, MAX_PROBLEMS);
    for (const [name] of unknown) problems.push(unknownField([...segments, name], name, [...properties.keys()]));
  }
  for (const [name, member] of members) {
    const inner = properties.get(name) ?? rest;
    if (inner !== undefined) visit({ value: member, place: inner, segments: [...segments, name] }, options, problems);
    if (problems.length >= MAX_PROBLEMS) return;
  }
}

/** The list types "set" and "map" (KEP-555): no member, or no key of a member, twice. */
function visitItems({ value, place, segments }: Visited, options: StructureOptions, problems: Problem[]): void {
  const { schema, items } = place;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const isUnique = ['set', 'map'].includes(schema['x-kubernetes-list-type'] ?? '');
  const seen = new Set<string>();
  for (const [index, item] of (value as readonly unknown[]).entries()) {
    if (problems.length >= MAX_PROBLEMS) return;
    const at = [...segments, index];
    if (isUnique) {
      const identity = JSON.stringify(keys.length > 0 && isObject(item) ? keys.map((key) => item[key]) : item);
      if (seen.has(identity)) problems.push(problemAt(at, duplicateMessage(item, keys)));
      seen.add(identity);
    }
    if (items !== undefined) visit({ value: item, place: items, segments: at }, options, problems);
  }
}

function unknownField(segments: Segments, name: string, known: readonly string[]): Problem {
  return problemAt(segments, `unknown field ${formatPath(segments)}${suggest(name, known)}`);
}

function toProblem(error: ErrorObject, segments: Segments): Problem {
  if (error.keyword === 'required') {
    return problemAt([...segments, error.params.missingProperty], 'is missing; write it');
  }
  return problemAt(segments, describeError(error));
}

function duplicateMessage(item: unknown, keys: readonly string[]): string {
  const [key] = keys;
  const what = key !== undefined && isObject(item) ? `the ${key} ${show(item[key])}` : show(item);
  return `${what} stands in this list twice; remove one`;
}
