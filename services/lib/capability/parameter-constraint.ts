/**
 * What a grant says about one parameter: a conjunction of operators on its value, and whether it must be there.
 *
 * Containment is sound and deliberately incomplete: each operator of the parent must follow from one operator of the
 * child. Whatever does not follow that way counts as wider.
 */

import { compareDecimals, type Decimal, decodeText, isUnder, parseDecimal, parsePath } from './parameter-value.ts';
import { compilePattern, contains, matches, type Pattern } from './pattern.ts';

export interface ParameterConstraint {
  /** The argument must be present. An absent argument satisfies every other operator. */
  readonly required: boolean;
  readonly operators: readonly Operator[];
}

/** `eq` is an `in` of one value. A `pattern` outside the grammar is kept as undefined: it matches nothing. */
export type Operator =
  | { readonly kind: 'in'; readonly values: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: Pattern | undefined }
  | { readonly kind: 'range'; readonly min: Decimal | undefined; readonly max: Decimal | undefined }
  | { readonly kind: 'under'; readonly path: readonly string[] }
  | { readonly kind: 'maxBytes'; readonly limit: number };

export const MAX_IN_VALUES = 64;

const UTF8 = new TextEncoder();

/** @returns the sentence that says why not for an unknown operator or an operand of the wrong type. */
export function parseConstraint(value: unknown): ParameterConstraint | string {
  if (!isRecord(value)) return 'must be an object of operators; {} allows any value';
  const { required = false, ...rest } = value;
  if (typeof required !== 'boolean') return 'required must be true or false';
  const operators: Operator[] = [];
  for (const [name, operand] of Object.entries(rest)) {
    const operator = parseOperator(name, operand);
    if (typeof operator === 'string') return operator;
    operators.push(operator);
  }
  return { required, operators };
}

/** True when a present argument with these bytes is allowed. */
export function constraintAccepts(constraint: ParameterConstraint, value: Uint8Array): boolean {
  if (constraint.operators.length === 0) return true;
  const text = decodeText(value);
  return constraint.operators.every((operator) =>
    operator.kind === 'maxBytes' ? value.length <= operator.limit : text !== undefined && accepts(operator, text),
  );
}

/** True when every call that `child` allows is also allowed by `parent`. May be false although it is so. */
export function constraintContains(parent: ParameterConstraint, child: ParameterConstraint): boolean {
  if (parent.required && !child.required) return false;
  return parent.operators.every((wanted) => child.operators.some((given) => implies(given, wanted)));
}

function parseOperator(name: string, operand: unknown): Operator | string {
  switch (name) {
    case 'eq':
      return typeof operand === 'string' ? { kind: 'in', values: [operand] } : 'eq must be a string';
    case 'in':
      return isShortTextList(operand)
        ? { kind: 'in', values: operand }
        : `in must be a list of at most ${MAX_IN_VALUES} strings`;
    case 'pattern':
      return typeof operand === 'string'
        ? { kind: 'pattern', pattern: compilePattern(operand) }
        : 'pattern must be a string';
    case 'range':
      return parseRange(operand);
    case 'under': {
      const path = typeof operand === 'string' ? parsePath(operand) : undefined;
      return path ? { kind: 'under', path } : 'under must be a path without empty, "." or ".." segments, "\\" and "%"';
    }
    case 'maxBytes':
      return typeof operand === 'number' && Number.isSafeInteger(operand) && operand >= 0
        ? { kind: 'maxBytes', limit: operand }
        : 'maxBytes must be a whole number';
    default:
      return 'knows the operators required, eq, in, pattern, range, under and maxBytes only';
  }
}

/** Bounds are JSON strings: a JSON number has already been rounded to a double when we see it. */
function parseRange(operand: unknown): Operator | string {
  const rule = 'range must be {"min": …, "max": …} with decimals as strings, such as "0" and "99.95"';
  if (!isRecord(operand)) return rule;
  const { min, max, ...unknown } = operand;
  if (Object.keys(unknown).length > 0 || (min === undefined && max === undefined)) return rule;
  const low = typeof min === 'string' ? parseDecimal(min) : undefined;
  const high = typeof max === 'string' ? parseDecimal(max) : undefined;
  if ((min !== undefined && low === undefined) || (max !== undefined && high === undefined)) return rule;
  return { kind: 'range', min: low, max: high };
}

function accepts(operator: Operator, text: string): boolean {
  switch (operator.kind) {
    case 'in':
      return operator.values.includes(text);
    case 'pattern':
      return operator.pattern !== undefined && matches(operator.pattern, text);
    case 'range': {
      const value = parseDecimal(text);
      return value !== undefined && isWithin(operator, value);
    }
    case 'under': {
      const path = parsePath(text);
      return path !== undefined && isUnder(operator.path, path);
    }
    case 'maxBytes':
      return UTF8.encode(text).length <= operator.limit;
  }
}

/** True when every value that satisfies `given` also satisfies `wanted`. */
function implies(given: Operator, wanted: Operator): boolean {
  if (given.kind === 'in') return given.values.every((value) => accepts(wanted, value));
  if (given.kind === 'pattern' && wanted.kind === 'pattern') {
    return given.pattern !== undefined && wanted.pattern !== undefined && contains(wanted.pattern, given.pattern);
  }
  if (given.kind === 'range' && wanted.kind === 'range') return isRangeWithin(given, wanted);
  if (given.kind === 'under' && wanted.kind === 'under') return isUnder(wanted.path, given.path);
  return given.kind === 'maxBytes' && wanted.kind === 'maxBytes' && given.limit <= wanted.limit;
}

function isRangeWithin(given: Operator & { kind: 'range' }, wanted: Operator & { kind: 'range' }): boolean {
  if (wanted.min && !(given.min && compareDecimals(given.min, wanted.min) >= 0)) return false;
  return !wanted.max || (given.max !== undefined && compareDecimals(given.max, wanted.max) <= 0);
}

function isWithin(range: Operator & { kind: 'range' }, value: Decimal): boolean {
  if (range.min && compareDecimals(value, range.min) < 0) return false;
  return !range.max || compareDecimals(value, range.max) <= 0;
}

function isShortTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_IN_VALUES && value.every((entry) => typeof entry === 'string');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
