/** What a validator found, for people: where, what was there, and what may stand there. Long values are never repeated. */
import type { ErrorObject } from 'ajv';
import { quote } from '../capability/name.ts';
import { nearest } from './keyword-values.ts';
import { escapePointer } from './schema-problem.ts';

export interface Explained {
  /** "/items/0/sku"; "" is the value itself. */
  readonly path: string;
  /** "must be an integer, not a text". */
  readonly message: string;
}

const MAX_SEGMENT = 80;
const MAX_PATH = 300;
const MAX_SHOWN_VALUES = 12;
/** Alternatives add nothing of their own: what is wrong in the one that was meant does. */
const ALTERNATIVES: readonly string[] = ['anyOf', 'oneOf'];

const A_TYPE: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  array: 'a list',
  object: 'an object',
};

export function explainErrors(errors: readonly ErrorObject[]): Explained {
  const last = errors.at(-1);
  if (last === undefined) return { path: '', message: 'is not valid' };
  const chosen = ALTERNATIVES.includes(last.keyword) ? insideAlternatives(errors, last) : last;
  if (Array.isArray(chosen)) return { path: shortPath(last.instancePath), message: mustBe(chosen, last.data) };
  return explain(chosen as ErrorObject);
}

/**
 * The error that got furthest into the value: that alternative was probably meant. When all stopped at the value itself
 * because of its type, the types.
 */
function insideAlternatives(errors: readonly ErrorObject[], last: ErrorObject): ErrorObject | readonly string[] {
  const below = errors.filter(({ instancePath, keyword }) => {
    return instancePath.length > last.instancePath.length && !ALTERNATIVES.includes(keyword);
  });
  const deepest = below.reduce<ErrorObject | undefined>(
    (best, error) => (best === undefined || depthOf(error) > depthOf(best) ? error : best),
    undefined,
  );
  const here = errors.filter(({ instancePath, keyword }) => {
    return instancePath === last.instancePath && !ALTERNATIVES.includes(keyword);
  });
  const otherThanType = here.find(({ keyword }) => keyword !== 'type');
  if (deepest !== undefined) return deepest;
  if (otherThanType !== undefined) return here.length === 1 ? otherThanType : (otherThanType ?? last);
  const types = here.flatMap(({ params }) => [params.type].flat() as string[]);
  return types.length > 0 ? [...new Set(types)] : last;
}

function depthOf({ instancePath }: ErrorObject): number {
  return instancePath.split('/').length;
}

function explain({ keyword, params, instancePath, data, parentSchema }: ErrorObject): Explained {
  const path = shortPath(instancePath);
  const at = (name: string) => shortPath(`${instancePath}/${escapePointer(name)}`);
  switch (keyword) {
    case 'required':
    case 'dependentRequired':
      return { path: at(params.missingProperty), message: 'is missing' };
    case 'additionalProperties':
      return { path: at(params.additionalProperty), message: unknownMember(params.additionalProperty, parentSchema) };
    case 'unevaluatedProperties':
      return { path: at(params.unevaluatedProperty), message: unknownMember(params.unevaluatedProperty, parentSchema) };
    case 'propertyNames':
      return { path: at(params.propertyName), message: 'is no name that is allowed here' };
    case 'false schema':
      return { path, message: 'must not be there' };
    case 'type':
      return { path, message: mustBe([params.type].flat(), data) };
    case 'enum':
      return { path, message: `must be ${oneOf(params.allowedValues)}` };
    case 'const':
      return { path, message: `must be ${oneOf([params.allowedValue])}` };
    default:
      return { path, message: explainBound(keyword, params) };
  }
}

function explainBound(keyword: string, params: Readonly<Record<string, unknown>>): string {
  const { limit } = params;
  switch (keyword) {
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    case 'exclusiveMinimum':
      return `must be more than ${limit}`;
    case 'exclusiveMaximum':
      return `must be less than ${limit}`;
    case 'multipleOf':
      return `must be a multiple of ${params.multipleOf}`;
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`;
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'pattern':
      return `must match the pattern ${quote(String(params.pattern))}`;
    case 'format':
      return params.format === 'byte' ? 'must be base64, with padding and nothing else' : `must be a ${params.format}`;
    case 'minItems':
    case 'minProperties':
      return `must have at least ${counted(limit)}`;
    case 'maxItems':
    case 'maxProperties':
      return `must have at most ${counted(limit)}`;
    case 'additionalItems':
    case 'unevaluatedItems':
    case 'items':
      return `must have at most ${counted(limit ?? params.len)}`;
    case 'uniqueItems':
      return 'must not hold the same entry twice';
    case 'contains':
      return `must hold at least ${counted(params.minContains ?? 1)} of the wanted kind`;
    case 'oneOf':
      return Array.isArray(params.passingSchemas) ? 'fits more than one alternative' : 'fits none of the alternatives';
    case 'anyOf':
      return 'fits none of the alternatives';
    case 'not':
      return 'is what it must not be';
    default:
      return 'is not valid';
  }
}

function mustBe(types: readonly string[], data: unknown): string {
  return `must be ${types.map((type) => A_TYPE[type] ?? type).join(' or ')}, not ${typeOf(data)}`;
}

function typeOf(data: unknown): string {
  if (data === null) return 'null';
  if (Array.isArray(data)) return 'a list';
  if (typeof data === 'number') return Number.isInteger(data) ? 'a whole number' : 'a number with a fraction';
  return A_TYPE[typeof data] ?? `a ${typeof data}`;
}

function unknownMember(name: string, parentSchema: unknown): string {
  const { properties } = (parentSchema ?? {}) as { readonly properties?: object };
  const known = Object.keys(properties ?? {});
  if (known.length === 0) return 'is not known here';
  const suggestion = nearest(name, known);
  if (suggestion !== undefined) return `is not known here; did you mean ${quote(suggestion)}?`;
  const shown = known.slice(0, MAX_SHOWN_VALUES).map(quote).join(', ');
  return `is not known here; possible: ${shown}${known.length > MAX_SHOWN_VALUES ? ', …' : ''}`;
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.slice(0, MAX_SHOWN_VALUES).map(show);
  if (values.length > MAX_SHOWN_VALUES) shown.push('…');
  return shown.length === 1 ? (shown[0] ?? '') : `one of ${shown.join(', ')}`;
}

/** Of the schema, which may be large all the same. */
function show(value: unknown): string {
  return typeof value === 'string' ? quote(value) : JSON.stringify(value).slice(0, 64);
}

function counted(limit: unknown): string {
  return limit === 1 ? '1 entry' : `${limit} entries`;
}

/** A name in it may be the caller's: what is not seen is escaped, and it is cut. */
function shortPath(pointer: string): string {
  const path = pointer.split('/').map(shortSegment).join('/');
  return path.length <= MAX_PATH ? path : `${path.slice(0, MAX_PATH)}…`;
}

function shortSegment(segment: string): string {
  const cut = segment.length <= MAX_SEGMENT ? segment : `${segment.slice(0, MAX_SEGMENT)}…`;
  return cut.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
