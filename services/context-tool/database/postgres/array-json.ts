/**
 * An array of PostgreSQL as JSON text: {1,NULL,"a \"b\""}, also of several dimensions and with bounds, [0:1]={1,2}.
 *
 * https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */

/** An element in quotes, one without, or a mark. "NULL" without quotes is NULL. */
const TOKEN = /"((?:[^"\\]|\\[\s\S])*)"|([^{},"]+)|[{},]/g;
const BOUNDS = /^(?:\[[-+\d]+:[-+\d]+\])+=/;

/** @param element Makes JSON text of the text of an element. */
export function arrayJson(text: string, element: (text: string) => string): string {
  return text.replace(BOUNDS, '').replaceAll(TOKEN, (token, quoted: string | undefined, bare: string | undefined) => {
    if (quoted !== undefined) return element(quoted.replaceAll(/\\([\s\S])/g, '$1'));
    if (bare !== undefined) return bare === 'NULL' ? 'null' : element(bare);
    return MARKS[token] ?? token;
  });
}

const MARKS: Readonly<Record<string, string>> = { '{': '[', '}': ']' };
