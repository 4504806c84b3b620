/**
 * Whether a JavaScript value is JSON data, of a size that is worth looking at. A schema may come from a program, where a
 * list can hold itself and a member can be a function.
 */
import type { PlacedProblem, SchemaPath } from './schema-problem.ts';

/** A card holds schemas three levels down, and nests 64 deep at most. */
const MAX_DEPTH = 56;
const MAX_VALUES = 50_000;

/** @returns the first place that is none, or is beyond the bounds */
export function findNoData(value: unknown): PlacedProblem | undefined {
  let values = 0;
  return look(value, []);

  function look(part: unknown, path: SchemaPath): PlacedProblem | undefined {
    values += 1;
    if (values > MAX_VALUES) return { path: [], message: `has more than ${MAX_VALUES} values` };
    if (path.length > MAX_DEPTH) return { path: path.slice(0, 8), message: `nests deeper than ${MAX_DEPTH} levels` };
    if (part === null || typeof part === 'string' || typeof part === 'boolean') return undefined;
    if (typeof part === 'number' && Number.isFinite(part)) return undefined;
    if (Array.isArray(part)) return lookIn(part.entries(), path);
    if (isPlainObject(part)) return lookIn(Object.entries(part), path);
    return { path, message: 'is no JSON value' };
  }

  function lookIn(members: Iterable<readonly [string | number, unknown]>, path: SchemaPath): PlacedProblem | undefined {
    for (const [name, member] of members) {
      if (member === undefined && typeof name === 'string') continue; // as JSON leaves it out
      const problem = look(member, [...path, name]);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
