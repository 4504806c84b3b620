/**
 * The lexer against the engines' own, on made-up statements: quotes, comments and placeholders in any order, with every
 * character that means something to one of them. What a statement answers shows what the engine took for a value.
 */
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import pg from 'pg';
import { expect, test } from 'vitest';
import { isSqlProblem, readSqlText, type TranslatedSql } from '../../services/context-tool/database/sql-text.ts';
import { startPostgres } from '../harness/postgres.ts';

interface Piece {
  readonly sql: string;
  /** What it is worth; undefined: it is worth what is bound to `name`. */
  readonly value?: string;
  readonly name?: string;
}

const HOSTILE = fc.string({
  unit: fc.constantFrom(...('\'"$:;?@#[]/*-\\\n\r\t eEuUnx01_aß`{}()😀'.match(/./gsu) ?? [])),
  maxLength: 12,
});
const NAME = fc.constantFrom('a', 'b', 'E', 'e1', '_x');

const TEXT: fc.Arbitrary<Piece> = HOSTILE.map((value) => ({ sql: `'${value.replaceAll("'", "''")}'`, value }));
const PLACEHOLDER: fc.Arbitrary<Piece> = NAME.map((name) => ({ sql: `CAST(:${name} AS text)`, name }));
const QUOTED_NAME: fc.Arbitrary<Piece> = HOSTILE.filter((name) => name !== '').map((name) => {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  return { sql: `(SELECT ${quoted} FROM (SELECT 'q' AS ${quoted}) AS t)`, value: 'q' };
});

/** PostgreSQL's alone. A backslash before a quote is one of its escapes. */
const ESCAPES: fc.Arbitrary<Piece> = fc.tuple(fc.constantFrom('e', 'E'), HOSTILE).map(([e, value]) => {
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll("'", value.length % 2 ? "\\'" : "''");
  return { sql: `${e}'${escaped}'`, value };
});
const DOLLARS: fc.Arbitrary<Piece> = fc
  .tuple(fc.constantFrom('', 't', 'ß', '_1', 'E'), HOSTILE)
  .map(([tag, text]) => ({ tag: `$${tag}$`, text: text.replace(/\$+$/, '') }))
  // The text ends at the first tag, which its own end and the tag behind it may make up: $E$, $E, $E$.
  .filter(({ tag, text }) => `${text}${tag}`.indexOf(tag) === text.length)
  .map(({ tag, text }) => ({ sql: `${tag}${text}${tag}`, value: text }));
const CAST: fc.Arbitrary<Piece> = NAME.map((name) => ({ sql: `:${name}::text`, name }));

const SPACE = fc.oneof(
  fc.constantFrom(' ', '\n', '\t', '\r\n'),
  HOSTILE.map((text) => `--${text.replaceAll(/[\r\n]/g, ' ')}\n`),
  HOSTILE.map((text) => `/*${text.replaceAll(/\*\/|\/\*|\*$/g, ' ').replaceAll(/\*+$|^\//g, ' ')} */`),
);

test('SQLite reads quotes, comments and placeholders where the lexer does', () => {
  using sqlite = new DatabaseSync(':memory:', { returnArrays: true, allowBareNamedParameters: false });
  fc.assert(
    fc.property(statementOf(fc.oneof(TEXT, PLACEHOLDER, QUOTED_NAME)), ({ sql, pieces }) => {
      const translated = read(sql).toSqlite();
      if (isSqlProblem(translated)) throw new Error(translated.message);
      const values = translated.names.map(boundTo);
      expect(sqlite.prepare(translated.text).all(...values)).toEqual([[expectedOf(pieces)]]);
    }),
    { numRuns: 3_000 },
  );
});

test('PostgreSQL reads them there, too, and its own forms of texts', async () => {
  await using server = await startPostgres();
  const client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  try {
    const piece = fc.oneof(TEXT, PLACEHOLDER, QUOTED_NAME, ESCAPES, DOLLARS, CAST);
    await fc.assert(
      fc.asyncProperty(statementOf(piece), async ({ sql, pieces }) => {
        const translated: TranslatedSql = read(sql).toPostgres();
        const values = translated.names.map(boundTo);
        const { rows } = await client.query({ text: translated.text, values, rowMode: 'array' });
        expect(rows).toEqual([[expectedOf(pieces)]]);
      }),
      { numRuns: 2_000 },
    );
  } finally {
    await client.end();
  }
});

function statementOf(piece: fc.Arbitrary<Piece>) {
  const separated = fc.array(fc.tuple(piece, SPACE, SPACE), { minLength: 1, maxLength: 6 });
  return separated.map((parts) => {
    const pieces = parts.map(([each]) => each);
    const text = parts.map(([each, before, after], index) => `${index === 0 ? '' : '||'}${before}${each.sql}${after}`);
    return { sql: `SELECT ${text.join('')}`, pieces };
  });
}

function expectedOf(pieces: readonly Piece[]): string {
  return pieces.map(({ value, name = '' }) => value ?? boundTo(name)).join('');
}

/** Hostile, too. */
function boundTo(name: string): string {
  return `<${name}'$1:b>`;
}

function read(sql: string) {
  const text = readSqlText(sql);
  if (isSqlProblem(text)) throw new Error(`${text.message}: ${JSON.stringify(sql)}`);
  return text;
}
