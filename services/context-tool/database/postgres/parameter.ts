/**
 * What a caller sent, as the text in which PostgreSQL takes it: it never becomes text of a statement, and the server reads
 * it as the type that the statement says.
 */
import { ServiceError } from '#lib/errors.ts';

/** Objects and arrays are JSON text: `CAST(:list AS jsonb)`. An absent value is NULL. */
export function parameterText(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (!text.isWellFormed()) throw invalid(name, 'holds one half of a surrogate pair, which is no character');
  if (text.includes('\0')) throw invalid(name, 'holds the character NUL, which the database cannot store');
  return text;
}

function invalid(name: string, what: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', `"${name}" ${what}`, { metadata: { path: `/${name}` } });
}
