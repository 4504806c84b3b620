import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkNames, isSqlProblem, readSqlText, type SqlText, type TranslatedSql } from './sql-text.ts';

test('a statement of 64 KiB is read, also when it is one long text or one long list', () => {
  for (const sql of [
    `SELECT '${"''".repeat(32_000)}'`,
    `SELECT ${':a,'.repeat(21_000)}1`,
    `SELECT ${'1,'.repeat(32_000)}1`,
  ]) {
    expect(readText(sql).toPostgres().text).toHaveLength(sql.length);
  }
});

/** Pieces of SQL whose meaning is known, in any order with spaces between them: what is no placeholder is copied as it is. */
const PIECE = fc.oneof(
  fc.constantFrom(
    'SELECT',
    'a$1',
    '1.5',
    '(',
    ')',
    ',',
    '||',
    '->',
    '=',
    "''",
    "'it''s :x'",
    '":x"',
    '-- :x ?\n',
    '/* :x $1 */',
  ),
  fc.constantFrom(
    "E'\\':x'",
    '$t$ :x $$ $t$',
    '$$:x$$',
    '::',
    '[1:2]',
    ': x',
    ':=',
    '@>',
    '#>>',
    "U&':x'",
    'größe',
    '\r\n',
  ),
  fc.stringMatching(/^[a-z0-9 :?$@;\n]{0,8}$/).map((text) => `'${text}'`),
);
const NAME = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/);

test('what is outside of placeholders is unchanged, on both engines', () => {
  const statement = fc.array(
    fc.oneof(
      { weight: 2, arbitrary: PIECE },
      NAME.map((name) => ({ name })),
    ),
  );
  fc.assert(
    fc.property(statement, (pieces) => {
      const names: string[] = [];
      const write = (mark: string) =>
        `SELECT ${pieces.map((piece) => (typeof piece === 'string' ? piece : `${mark}${numberOf(piece.name)}`)).join(' ')}`;
      const numberOf = (name: string) => {
        if (!names.includes(name)) names.push(name);
        return names.indexOf(name) + 1;
      };
      const sql = `SELECT ${pieces.map((piece) => (typeof piece === 'string' ? piece : `:${piece.name}`)).join(' ')}`;
      const read = readSqlText(sql);
      if (isSqlProblem(read)) {
        // Two texts that follow each other may be one that goes on.
        expect(read.message).toContain('go on');
        return;
      }
      expect(read.toPostgres().text).toBe(write('$'));
      expect(read.names).toEqual(names);
      const forSqlite = read.toSqlite();
      if (!isSqlProblem(forSqlite)) expect(forSqlite.text).toBe(write('?'));
    }),
  );
});

test('any text is read or refused in a sentence, and no parameter mark of an engine is let through', () => {
  const characters = fc.constantFrom(...`'"$:;?@#[]/*-\\\n\r eEuU&aA1_(),ß\ufeff\``.split(''));
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 30 }), (sql) => {
      const read = readSqlText(sql);
      if (isSqlProblem(read)) {
        expect(read.message).not.toBe('');
        return;
      }
      const { text } = read.toPostgres();
      expect(marksOf(text)).toBe(read.names.length);
    }),
    { numRuns: 5_000 },
  );
});

test('a place in the translated text is one in the SQL', () => {
  const sql = "SELECT '😀', :a,\n :name_1 , nmae;  ";
  const translated = readText(sql).toPostgres();
  expect(translated.text).toBe("SELECT '😀', $1,\n $2 , nmae  ");
  expect(placeOfText(translated, 'nmae')).toEqual({ line: 2, column: 12 });
  expect(placeOfText(translated, '$2')).toEqual({ line: 2, column: 2 });
  expect(placeOfText(translated, ' , nmae')).toEqual({ line: 2, column: 9 });
  expect(translated.placeAt(0)).toEqual({ line: 1, column: 1 });
  expect(translated.placeAt(1_000)).toEqual({ line: 2, column: 19 });
});

test.each([
  ['every name is known', 'SELECT :sku, :min', ['sku'], ['min'], []],
  ['a segment that is not used', 'SELECT :min', ['sku', 'city'], ['min'], []],
  ['a placeholder that is neither', 'SELECT :sku,\n  :maxx', ['sku'], [], ['2:3 ":maxx" is no segment']],
  ['a parameter that is not used', 'SELECT :sku', ['sku'], ['min'], ['1:1 the parameter "min" is used nowhere']],
  ['a segment and a parameter of one name', 'SELECT :sku', ['sku'], ['sku'], ['1:1 "sku" is a segment of the key and']],
  ['a name in a comment is not used', 'SELECT 1 -- :min', [], ['min'], ['1:1 the parameter "min" is used nowhere']],
])('names: %s', (_title, sql, segments, parameters, expected) => {
  const found = checkNames(readText(sql), { segments, parameters });
  expect(found.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual(
    expected.map((start) => expect.stringContaining(start)),
  );
});

function readText(sql: string): SqlText {
  const read = readSqlText(sql);
  if (isSqlProblem(read)) throw new Error(read.message);
  return read;
}

function placeOfText(translated: TranslatedSql, part: string) {
  const before = translated.text.slice(0, translated.text.indexOf(part));
  return translated.placeAt([...before].length);
}

/** How many different "$1" there are for the slow reader: one that takes out quotes and comments character by character. */
function marksOf(text: string): number {
  const bare = text.replaceAll(
    /--[^\n\r]*|\/\*.*?\*\/|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*(?<!(?<![\w$\u0080-\uffff])[eE](?='))|[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\$([A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$.*?\$\1\$/gs,
    ' ',
  );
  return new Set(bare.match(/\$\d+/g)).size;
}
