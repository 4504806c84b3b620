/**
 * "{name}" in the texts of an HTTP source. What is in braces and is no name stays as it is, so that JSON inside of a text
 * needs no escaping.
 *
 * Nothing that a caller sends is ever read as a template: values are put in once, side by side with the constant pieces.
 */
import { ServiceError } from '#lib/errors.ts';
import type { JsonObject } from '#sdk/server/declaration.ts';

/** A constant text, or the place of a value. */
export type Piece = string | { readonly name: string };

/** Key segments and parameters, or arguments, by name. */
export type Values = JsonObject;

/** The grammar of parameters' names (docs: ContextRequest.parameters). */
const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_.-]{0,63})\}/;

export function parsePieces(text: string): readonly Piece[] {
  // A split by a pattern with one group gives texts at even places and what the group matched at odd ones.
  const parts = text.split(new RegExp(PLACEHOLDER, 'g'));
  return parts.flatMap((part, index): Piece[] => (index % 2 === 1 ? [{ name: part }] : part === '' ? [] : [part]));
}

/** In order, with repetitions. */
export function namesOf(pieces: readonly Piece[]): readonly string[] {
  return pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.name]));
}

/** The name, when the text is "{name}" and nothing else. */
export function onlyName(pieces: readonly Piece[]): string | undefined {
  const [first] = pieces;
  return pieces.length === 1 && typeof first === 'object' ? first.name : undefined;
}

/** undefined when the caller left it out. Names such as "constructor" are nobody's unless they were sent. */
export function argumentOf(values: Values, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** A text as it is, anything else as its JSON. @throws ServiceError ARGUMENT_INVALID when it is absent or no Unicode text. */
export function textOf(values: Values, name: string): string {
  const value = argumentOf(values, name);
  if (value === undefined) throw invalid(name, 'is needed for this request and is missing');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // A lone surrogate has no UTF-8 form.
  if (!text.isWellFormed()) throw invalid(name, 'holds half of a character (a lone surrogate)');
  return text;
}

/** @param what Goes on after the name: "is missing". Never the value, which may be anything. */
export function invalid(name: string, what: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', `"${name}" ${what}`, { metadata: { path: `/${name}` } });
}
