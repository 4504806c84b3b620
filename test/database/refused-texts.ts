/** Texts that are no statement for the lexer, because the engines would read them differently or not at all. */

export interface RefusedText {
  readonly title: string;
  readonly sql: string;
  /** Part of the sentence. */
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

export const REFUSED_TEXTS: readonly RefusedText[] = [
  { title: 'an empty text', sql: '', message: 'empty' },
  { title: 'spaces and comments alone', sql: ' \n-- a\n/* b */', message: 'empty' },
  { title: 'a semicolon alone', sql: ';', message: 'empty' },
  { title: 'a second statement', sql: 'SELECT 1;\nSELECT :a', message: 'one statement', line: 2, column: 1 },
  { title: 'a second semicolon', sql: 'SELECT 1;;', message: 'one statement', line: 1, column: 10 },
  { title: 'a second statement behind a comment', sql: 'SELECT 1; /* ; */ DROP TABLE t', message: 'one statement' },
  { title: 'a text without an end', sql: "SELECT 'a :b", message: 'no end', line: 1, column: 8 },
  { title: 'a text whose last quote is doubled', sql: "SELECT 'a''", message: 'no end', line: 1, column: 8 },
  { title: 'a text with escapes without an end', sql: "SELECT E'a\\'", message: 'no end', line: 1, column: 8 },
  { title: 'a text with escapes whose last quote is doubled', sql: "SELECT E'a'' \\'", message: 'no end' },
  { title: 'a quoted name without an end', sql: 'SELECT\n "a', message: 'no end', line: 2, column: 2 },
  { title: 'a comment without an end', sql: 'SELECT 1 /* :a', message: 'no end', line: 1, column: 10 },
  { title: 'a comment whose mark closes itself', sql: 'SELECT 1 /*/', message: 'no end' },
  { title: 'a nested comment', sql: 'SELECT /* /* */ :a */ 1', message: '/*', line: 1, column: 8 },
  { title: 'a comment that seems nested', sql: 'SELECT /* // /* */ 1', message: '/*' },
  { title: 'a carriage return in a comment', sql: 'SELECT -- a\r :a', message: 'carriage return' },
  { title: 'a text between dollars without an end', sql: 'SELECT $$ :a', message: 'no end', line: 1, column: 8 },
  { title: 'a text between tags that ends in another', sql: 'SELECT $a$ :a $b$', message: 'no end' },
  { title: 'a numbered parameter of PostgreSQL', sql: 'SELECT $1', message: ':name', line: 1, column: 8 },
  { title: 'a named parameter with a dollar', sql: 'SELECT $name', message: ':name' },
  { title: 'a placeholder before a dollar', sql: 'SELECT :a$b', message: 'letters' },
  { title: 'a placeholder before a text between tags', sql: 'SELECT :a$t$x$t$', message: 'letters' },
  { title: 'a question mark', sql: 'SELECT ?', message: ':name' },
  { title: 'a numbered question mark', sql: 'SELECT ?1', message: ':name' },
  { title: '"exists" of json', sql: "SELECT a ? 'b' FROM t", message: 'jsonb_exists' },
  { title: '"exists any" of json', sql: 'SELECT a ?| b FROM t', message: 'jsonb_exists_any' },
  { title: 'a path of json', sql: "SELECT a @? '$.b' FROM t", message: 'jsonb_path_exists' },
  { title: 'a parameter with @', sql: 'SELECT @name', message: ':name', line: 1, column: 8 },
  { title: 'a parameter with @ behind an operator', sql: 'SELECT a <@b FROM t', message: 'space' },
  { title: 'a parameter with #', sql: 'SELECT #name', message: 'space' },
  { title: 'exclusive or without spaces', sql: 'SELECT 1#2', message: 'space' },
  { title: 'a name in backticks', sql: 'SELECT `a` FROM t', message: '"name"' },
  { title: 'a placeholder in other letters', sql: 'SELECT :größe', message: 'letters' },
  { title: 'a placeholder of other letters alone', sql: 'SELECT :ß', message: 'letters' },
  {
    title: 'a text with escapes that goes on',
    sql: "SELECT E'a'\n'\\' || :b || '",
    message: 'go on',
    line: 1,
    column: 8,
  },
  { title: 'one that goes on behind a comment', sql: "SELECT E'a' -- b\n 'c'", message: 'go on' },
  { title: 'a number glued to a text', sql: "SELECT 1e'\\' || :a || '", message: 'space' },
  { title: 'a number glued to a dollar', sql: 'SELECT 1$$ :a $$', message: 'space' },
  { title: 'a byte order mark', sql: '\ufeffSELECT 1', message: 'byte order mark', line: 1, column: 1 },
  { title: 'NUL', sql: 'SELECT\n \0', message: 'NUL', line: 2, column: 2 },
  { title: 'half of a surrogate pair', sql: "SELECT '\ud800'", message: 'surrogate' },
  { title: 'more than 64 KiB', sql: `SELECT '${'a'.repeat(64 * 1024)}'`, message: '64 KiB' },
  { title: 'more than 64 KiB in UTF-8', sql: `SELECT '${'ß'.repeat(33 * 1024)}'`, message: '64 KiB' },
];
