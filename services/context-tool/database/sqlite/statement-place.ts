/**
 * Where in a statement SQLite found a mistake. It says no position (node:sqlite does not hand on sqlite3_error_offset), but
 * names what it stumbled over, so that is looked for in the text.
 */
import type { Place } from '../../config/runtime-config.ts';
import type { SqlPlace, TranslatedSql } from '../sql-text.ts';

const NAMES_CULPRIT =
  /^(?:near "(.+)": syntax error|no such (?:column|table|function|collation sequence): (.+)|ambiguous column name: (.+))$/s;
const WORD_CHARACTER = /[\w$\u0080-\uffff]/;

/** @returns the start of the SQL when it is not known, or when it could be two places. */
export function placeOfMistake({ text, placeAt }: TranslatedSql, message: string): SqlPlace {
  const culprit = NAMES_CULPRIT.exec(message)
    ?.slice(1)
    .find((part) => part !== undefined);
  const found = culprit === undefined ? [] : occurrences(text, culprit);
  const [first] = found;
  return placeAt(first === undefined || found.length > 1 ? 0 : [...text.slice(0, first)].length);
}

/** The place in the file. */
export function placeInFile(place: Place, { line, column }: SqlPlace): Place {
  return { ...place, line: place.line + line - 1, column: place.column + column - 1 };
}

function occurrences(text: string, part: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    if (!WORD_CHARACTER.test(part) || isWhole(text, at, part.length)) found.push(at);
  }
  return found;
}

function isWhole(text: string, start: number, length: number): boolean {
  return !WORD_CHARACTER.test(text.charAt(start - 1)) && !WORD_CHARACTER.test(text.charAt(start + length));
}
