/** What is wrong with a JSON Schema, with the place in it, so that whoever read it from a file can name the line. */
import { UserError } from '../user-error.ts';

/** From the schema's root: ['properties', 'items', 'items', 'type']. */
export type SchemaPath = readonly (string | number)[];

export interface PlacedProblem {
  readonly path: SchemaPath;
  /** What is wrong and what to write instead, without the place. */
  readonly message: string;
}

/** Nobody reads more at once. */
export const MAX_PROBLEMS = 20;

/** A schema that cannot be used. Path and message are those of the first problem. */
export class SchemaProblem extends UserError {
  readonly path: SchemaPath;
  /** All that were found, at most 20; never empty. */
  readonly problems: readonly PlacedProblem[];

  constructor(first: PlacedProblem, ...others: readonly PlacedProblem[]) {
    super(`the schema at ${formatPointer(first.path)}: ${first.message}`);
    this.name = 'SchemaProblem';
    this.path = first.path;
    this.problems = [first, ...others].slice(0, MAX_PROBLEMS);
  }
}

/** RFC 6901, as a text for people: "" is shown as "/". */
export function formatPointer(path: SchemaPath): string {
  return path.length === 0 ? '/' : path.map((segment) => `/${escapePointer(String(segment))}`).join('');
}

/** RFC 6901 Section 3. */
export function escapePointer(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

export function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
