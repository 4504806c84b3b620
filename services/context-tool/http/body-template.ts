/**
 * JSON bodies of HTTP sources: a text that is exactly "{name}" becomes the argument's JSON value, inside of a longer text
 * it becomes the argument's text. Names of members are constant.
 */
import { argumentOf, invalid, namesOf, onlyName, type Piece, parsePieces, textOf, type Values } from './placeholder.ts';

export interface BodyTemplate {
  readonly problems: readonly BodyProblem[];
  readonly names: readonly string[];
  /** The JSON text. @throws ServiceError ARGUMENT_INVALID when a name of a longer text, or the whole body, is absent */
  fill(values: Values): string;
}

export interface BodyProblem {
  /** Of the member: "json.items[0].sku". */
  readonly path: string;
  readonly message: string;
}

/** @param template Any JSON value. */
export function parseBody(template: unknown): BodyTemplate {
  const found: { problems: BodyProblem[]; names: string[] } = { problems: [], names: [] };
  const build = compile(template, 'json', found);
  return {
    ...found,
    fill(values) {
      const value = build(values);
      if (value === undefined)
        throw invalid(found.names[0] ?? 'body', 'is the whole body of this request and is missing');
      return JSON.stringify(value);
    },
  };
}

/** undefined stands for "left out". */
type Build = (values: Values) => unknown;

interface Found {
  readonly problems: BodyProblem[];
  readonly names: string[];
}

function compile(template: unknown, path: string, found: Found): Build {
  if (typeof template === 'string') return compileText(parsePieces(template), found);
  if (Array.isArray(template)) {
    const items = template.map((item, index) => compile(item, `${path}[${index}]`, found));
    return (values) => items.map((item) => item(values)).filter((item) => item !== undefined);
  }
  if (typeof template !== 'object' || template === null) return () => template;
  const members = Object.entries(template).map(([name, member]): readonly [string, Build] => {
    if (namesOf(parsePieces(name)).length > 0) {
      found.problems.push({
        path,
        message: `"${name}" is the name of a member; a placeholder stands for a value only`,
      });
    }
    return [name, compile(member, `${path}.${name}`, found)];
  });
  // fromEntries defines own properties: a member "__proto__" is data.
  return (values) =>
    Object.fromEntries(
      members.map(([name, member]) => [name, member(values)]).filter(([, value]) => value !== undefined),
    );
}

function compileText(pieces: readonly Piece[], found: Found): Build {
  found.names.push(...namesOf(pieces));
  const only = onlyName(pieces);
  if (only !== undefined) return (values) => argumentOf(values, only);
  return (values) => pieces.map((piece) => (typeof piece === 'string' ? piece : textOf(values, piece.name))).join('');
}
