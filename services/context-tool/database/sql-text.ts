/**
 * The text of a statement with ":name" placeholders, translated for each engine. One lexer for both: what PostgreSQL and
 * SQLite would read differently is refused, so that a placeholder is one on both or on neither.
 *
 * It follows the engines' own lexers (PostgreSQL: src/backend/parser/scan.l, with standard_conforming_strings on, as it is
 * by default; SQLite: src/tokenize.c) in what ends a quote or a comment, and knows no grammar: the database parses.
 */

/** From 1, within the SQL. */
export interface SqlPlace {
  readonly line: number;
  readonly column: number;
}

export interface SqlProblem extends SqlPlace {
  /** What is wrong and what to write instead, for people. */
  readonly message: string;
}

export interface TranslatedSql {
  readonly text: string;
  /** Of the first value, the second … that is bound. */
  readonly names: readonly string[];
  /** Where it was written. @param characters Code points of `text` that come before it. */
  placeAt(characters: number): SqlPlace;
}

export interface SqlText {
  /** Each once, in order of first use. */
  readonly names: readonly string[];
  /** Of the first use of each name. */
  readonly places: ReadonlyMap<string, SqlPlace>;
  /** "$1" for the first name, and so on. */
  toPostgres(): TranslatedSql;
  /** "?1" for the first name, and so on. @returns the problem of a text that only PostgreSQL can read. */
  toSqlite(): TranslatedSql | SqlProblem;
}

/** In UTF-8. */
export const MAX_SQL_BYTES = 64 * 1024;

export function isSqlProblem(value: SqlText | TranslatedSql | SqlProblem): value is SqlProblem {
  return 'message' in value;
}

export function readSqlText(sql: string): SqlText | SqlProblem {
  const found = checkWhole(sql) ?? lex(sql);
  if ('offset' in found) return toProblem(sql, found);
  const { placeholders, semicolon, postgresOnly } = found;
  const first = new Map<string, SqlPlace>();
  for (const { name, start } of placeholders) if (!first.has(name)) first.set(name, placeOf(sql, start));
  const names = [...first.keys()];
  const translate = (mark: '$' | '?') => translateTo(mark, { sql, placeholders, semicolon, names });
  return {
    names,
    places: first,
    toPostgres: () => translate('$'),
    toSqlite: () => (postgresOnly === undefined ? translate('?') : toProblem(sql, postgresOnly)),
  };
}

/** What a statement may refer to. */
export interface KnownNames {
  readonly segments: readonly string[];
  readonly parameters: readonly string[];
}

/** A segment that the statement does not use is allowed: a key may hold more than the query needs. */
export function checkNames(text: SqlText, { segments, parameters }: KnownNames): SqlProblem[] {
  const start: SqlPlace = { line: 1, column: 1 };
  const known = [...segments, ...parameters];
  const foreign = text.names.filter((name) => !known.includes(name));
  const unused = parameters.filter((name) => !text.names.includes(name) && !segments.includes(name));
  return [
    ...foreign.map((name) => ({ ...(text.places.get(name) ?? start), message: foreignName(name, known) })),
    ...unused.map((name) => ({
      ...start,
      message: `the parameter "${name}" is used nowhere in the SQL: write :${name} where its value belongs, or take the parameter out`,
    })),
    ...segments
      .filter((name) => parameters.includes(name))
      .map((name) => ({ ...start, message: `"${name}" is a segment of the key and a parameter: rename one of them` })),
  ];
}

function foreignName(name: string, known: readonly string[]): string {
  const list = known.length === 0 ? 'there are none here' : `here: ${known.map((each) => `:${each}`).join(', ')}`;
  return `":${name}" is no segment of the key and no parameter (${list}); where it is no placeholder, put a space behind the colon`;
}

interface Mistake {
  readonly offset: number;
  readonly message: string;
}

interface Placeholder {
  readonly name: string;
  /** Of the colon. */
  readonly start: number;
  readonly end: number;
}

interface Lexed {
  readonly placeholders: readonly Placeholder[];
  /** Of the one that ends the statement. */
  readonly semicolon: number | undefined;
  readonly postgresOnly: Mistake | undefined;
}

interface Rule {
  readonly pattern: RegExp;
  /** Undefined: the token is copied as it is. */
  readonly refuse?: string | ((token: string, rest: string) => string | undefined);
  /** Why SQLite cannot have it. */
  readonly postgresOnly?: string;
  readonly isSpace?: true;
}

const PLACEHOLDER = /:[A-Za-z_][A-Za-z0-9_]*/y;
/** What continues a name or a number on both engines, which take every byte from 0x80 on for a letter. */
const WORD_CHARACTER = /[\w$\u0080-\uffff]/;
const NO_END = 'has no end: close it';

/**
 * The first that matches is taken. A quote's closing mark must not be followed by another one (a doubled quote is a quote),
 * which also keeps the patterns from trying twice.
 */
const RULES: readonly Rule[] = [
  { pattern: /[ \t\n\r\f\v]+/y, isSpace: true },
  { pattern: /--[^\n]*/y, isSpace: true, refuse: refuseCarriageReturn },
  { pattern: /\/\*.*?\*\//sy, isSpace: true, refuse: refuseNested },
  { pattern: /\/\*/y, refuse: `the comment that begins here ${NO_END} with */` },
  {
    pattern: /[eE]'(?:[^'\\]|\\.|'')*'(?!')/sy,
    refuse: refuseContinued,
    postgresOnly: "SQLite has no E'…' texts: write '…'",
  },
  { pattern: /[eE]'/y, refuse: `the text that begins here ${NO_END} with '` },
  { pattern: /'(?:[^']|'')*'(?!')/y },
  { pattern: /'/y, refuse: `the text that begins here ${NO_END} with '` },
  { pattern: /"(?:[^"]|"")*"(?!")/y },
  { pattern: /"/y, refuse: `the name that begins here ${NO_END} with "` },
  { pattern: /`/y, refuse: 'a name is quoted as "name" here, not with backticks' },
  { pattern: /\ufeff/y, refuse: 'there is a byte order mark (U+FEFF) here: take it out' },
  { pattern: /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y },
  { pattern: /[0-9][\w$\u0080-\uffff]*/y, refuse: refuseGluedNumber },
  {
    pattern: /\$([A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$.*?\$\1\$/sy,
    postgresOnly: "SQLite has no $…$ texts: write '…'",
  },
  {
    pattern: /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y,
    refuse: `the $…$ text that begins here ${NO_END}`,
  },
  { pattern: /\$/y, refuse: 'a parameter is written :name here, not $1 or $name' },
  {
    pattern: /\?/y,
    refuse:
      'a parameter is written :name here, not "?"; for the operators of jsonb with a question mark write jsonb_exists(), jsonb_exists_any(), jsonb_exists_all() or jsonb_path_exists()',
  },
  {
    pattern: /[@#](?=[\w$\u0080-\uffff])/y,
    refuse: 'a parameter is written :name here; where this is an operator, put a space behind it',
  },
  { pattern: /::/y, postgresOnly: 'SQLite has no "::": write CAST(… AS …)' },
  {
    pattern: /:(?:[A-Za-z_][A-Za-z0-9_]*)?[$\u0080-\uffff]/y,
    refuse: 'the name of a placeholder consists of the letters A-Z and a-z, digits and "_"',
  },
  { pattern: /:/y, postgresOnly: 'in SQLite a colon stands before the name of a parameter alone' },
  { pattern: /\[/y, postgresOnly: 'SQLite has no arrays; a name is quoted as "name" here, not as [name]' },
  { pattern: /./sy },
];

/** PostgreSQL ends the comment there, SQLite at the line feed alone. */
function refuseCarriageReturn(comment: string): string | undefined {
  if (!comment.slice(0, -1).includes('\r')) return undefined;
  return 'there is a carriage return inside of this comment: end lines with a line feed';
}

/** PostgreSQL's nest, SQLite's do not. */
function refuseNested(comment: string): string | undefined {
  return comment.indexOf('/*', 2) < 0 ? undefined : 'a comment may not hold "/*"';
}

/** PostgreSQL joins texts that a line break parts, and goes on to read backslashes. */
function refuseContinued(_text: string, rest: string): string | undefined {
  if (!/^(?:[ \t\n\r\f\v]|--[^\n]*(?:\n|$))*'/.test(rest)) return undefined;
  return "an E'…' text may not go on in another one: make one text of both";
}

/** "1e'" is a number before a text, or a number before an E'…' text, by the version of PostgreSQL. */
function refuseGluedNumber(number: string, rest: string): string | undefined {
  return number.includes('$') || rest.startsWith("'") ? 'a number must be followed by a space here' : undefined;
}

function checkWhole(sql: string): Mistake | undefined {
  if (Buffer.byteLength(sql) > MAX_SQL_BYTES) return { offset: 0, message: 'the SQL is longer than 64 KiB' };
  const nul = sql.indexOf('\0');
  if (nul >= 0) return { offset: nul, message: 'the SQL holds a NUL character: take it out' };
  return sql.isWellFormed() ? undefined : { offset: 0, message: 'the SQL holds one half of a surrogate pair' };
}

function lex(sql: string): Lexed | Mistake {
  const placeholders: Placeholder[] = [];
  let semicolon: number | undefined;
  let postgresOnly: Mistake | undefined;
  let isEmpty = true;
  for (let offset = 0; offset < sql.length; ) {
    const { token, rule } = nextToken(sql, offset);
    const end = offset + token.length;
    const message = typeof rule?.refuse === 'function' ? rule.refuse(token, sql.slice(end)) : rule?.refuse;
    if (message !== undefined) return { offset, message };
    if (rule?.isSpace === undefined) {
      if (semicolon !== undefined)
        return { offset, message: 'one statement alone is allowed: take the second one out' };
      if (token === ';') semicolon = offset;
      else isEmpty = false;
    }
    if (rule === undefined) placeholders.push({ name: token.slice(1), start: offset, end });
    if (rule?.postgresOnly !== undefined) postgresOnly ??= { offset, message: rule.postgresOnly };
    offset = end;
  }
  return isEmpty ? { offset: 0, message: 'the SQL is empty' } : { placeholders, semicolon, postgresOnly };
}

/** @returns no rule for a placeholder. */
function nextToken(sql: string, offset: number): { token: string; rule?: Rule } {
  for (const rule of RULES) {
    const token = matchAt(rule.pattern, sql, offset);
    if (token === undefined) continue;
    const placeholder = token === ':' ? matchAt(PLACEHOLDER, sql, offset) : undefined;
    return placeholder === undefined ? { token, rule } : { token: placeholder };
  }
  throw new Error('the last rule matches any character');
}

function matchAt(pattern: RegExp, sql: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(sql)?.[0];
}

interface Translation {
  readonly sql: string;
  readonly placeholders: readonly Placeholder[];
  readonly semicolon: number | undefined;
  readonly names: readonly string[];
}

function translateTo(mark: '$' | '?', { sql, placeholders, semicolon, names }: Translation): TranslatedSql {
  /** What is copied: from here in the SQL, to there in the text. */
  const copies: { from: number; to: number }[] = [{ from: 0, to: 0 }];
  const numbers = new Map(names.map((name, index) => [name, index + 1]));
  let text = '';
  let copied = 0;
  const replace = (start: number, end: number, replacement: string) => {
    text += sql.slice(copied, start) + replacement;
    copied = end;
    copies.push({ from: end, to: text.length });
  };
  for (const { name, start, end } of placeholders) {
    // "LIMIT:n" must not become the name "LIMIT$1".
    const space = WORD_CHARACTER.test(sql.charAt(start - 1)) ? ' ' : '';
    replace(start, end, `${space}${mark}${numbers.get(name)}`);
  }
  if (semicolon !== undefined) replace(semicolon, semicolon + 1, '');
  text += sql.slice(copied);
  const placeAt = (characters: number) => {
    const offset = [...text].slice(0, characters).join('').length;
    const { from, to } = copies.findLast((copy) => copy.to <= offset) ?? { from: 0, to: 0 };
    const next = copies.find((copy) => copy.to > offset)?.from ?? sql.length;
    return placeOf(sql, Math.min(from + offset - to, next));
  };
  return { text, names, placeAt };
}

function toProblem(sql: string, { offset, message }: Mistake): SqlProblem {
  return { ...placeOf(sql, offset), message };
}

function placeOf(sql: string, offset: number): SqlPlace {
  const before = sql.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 };
}
