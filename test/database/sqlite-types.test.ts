/** Every type, from JSON into SQLite and back, exactly. */
import { expect, test } from 'vitest';
import { PLACE, SqliteFixture, toCall } from './sqlite-fixture.ts';

/** What, as SQL, as JSON. */
const VALUES: readonly (readonly [string, string, string])[] = [
  ['NULL', 'NULL', 'null'],
  ['an integer', '42', '42'],
  ['the largest number', '9007199254740991', '9007199254740991'],
  ['one above it', '9007199254740992', '"9007199254740992"'],
  ['the smallest number', '-9007199254740991', '-9007199254740991'],
  ['one below it', '-9007199254740992', '"-9007199254740992"'],
  ['the largest integer', '9223372036854775807', '"9223372036854775807"'],
  ['the smallest integer', '-9223372036854775807 - 1', '"-9223372036854775808"'],
  ['true', '1 = 1', '1'],
  ['a REAL', '0.1', '0.1'],
  ['a REAL without a fraction', '5.0', '5'],
  ['a large REAL', '1e300', '1e+300'],
  ['the smallest REAL', '5e-324', '5e-324'],
  ['infinity', '9e999', '"Infinity"'],
  ['minus infinity', '-9e999', '"-Infinity"'],
  ['what is no number', '9e999 - 9e999', 'null'],
  ['a text', "'it''s'", '"it\'s"'],
  ['an empty text', "''", '""'],
  ['text of all planes', "'Grüße ж漢 😀'", '"Grüße ж漢 😀"'],
  ['text with control characters', "'a' || char(10, 9, 1) || '\"\\'", '"a\\n\\t\\u0001\\"\\\\"'],
  ['JSON, which SQLite has as text', `json('{"a": [1, 2]}')`, '"{\\"a\\":[1,2]}"'],
  ['a date, which SQLite has as text', "date('2024-02-29')", '"2024-02-29"'],
];

test('every value is answered exactly, alone and in a row', async () => {
  await using fixture = new SqliteFixture({ init: 'CREATE TABLE unused (a)' });
  const read = (sql: string, result: 'Value' | 'Row') => {
    const config = { database: 'test', sql: `SELECT ${sql} AS v`, place: PLACE, result };
    return fixture.database.context(config, { segments: [], parameters: [] });
  };
  const reads = VALUES.map(([, sql]) => [read(sql, 'Value'), read(sql, 'Row')] as const);
  expect(await fixture.check()).toEqual([]);
  const request = { key: 'a', segments: {}, parameters: {} };
  for (const [index, [title, , json]] of VALUES.entries()) {
    const [value, row] = await Promise.all((reads[index] ?? []).map((each) => each(request, toCall())));
    expect([value?.content.toString(), value?.contentType], title).toEqual([json, 'application/json']);
    expect(row?.content.toString(), title).toBe(`{"v":${json}}`);
  }
});

test('arguments become SQLite values of their own type, and absent ones NULL', async () => {
  await using fixture = new SqliteFixture({ init: 'CREATE TABLE unused (a)' });
  const read = fixture.context('SELECT typeof(:v) AS type, :v AS value', 'Row');
  expect(await fixture.check()).toEqual([]);
  const table: readonly [unknown, string, unknown][] = [
    [undefined, 'null', null],
    [null, 'null', null],
    [1, 'integer', 1],
    [-0, 'integer', 0],
    [2 ** 53 - 1, 'integer', 9_007_199_254_740_991],
    [2 ** 62, 'integer', '4611686018427387904'],
    [2 ** 63, 'real', 2 ** 63],
    [9_223_372_036_854_775_807n, 'integer', '9223372036854775807'],
    [9_223_372_036_854_775_808n, 'text', '9223372036854775808'],
    [1.5, 'real', 1.5],
    [1e300, 'real', 1e300],
    [true, 'integer', 1],
    [false, 'integer', 0],
    ['text', 'text', 'text'],
    ['1', 'text', '1'],
    ['', 'text', ''],
    [{ a: [1, 'x'] }, 'text', '{"a":[1,"x"]}'],
    [[], 'text', '[]'],
  ];
  for (const [sent, type, value] of table) {
    const parameters = sent === undefined ? {} : { v: sent };
    expect(await read({ parameters }), String(sent)).toEqual({ type, value });
  }
});

test('lone bytes come raw, bytes in a row as base64, and a tool answers base64', async () => {
  await using fixture = new SqliteFixture({
    init: "CREATE TABLE t (b blob, n integer); INSERT INTO t VALUES (x'00ff10', 9007199254740993)",
  });
  const value = fixture.context('SELECT b FROM t');
  const empty = fixture.context("SELECT x''");
  const rows = fixture.context('SELECT b, n FROM t', 'Rows');
  const row = fixture.tool('UPDATE t SET n = n RETURNING b, n, NULL AS absent, 1.5 AS half');
  const lone = fixture.tool('SELECT b FROM t', 'Value');
  expect(await fixture.check()).toEqual([]);
  expect(await value()).toEqual(Buffer.from([0, 255, 16]));
  expect(await empty()).toEqual(Buffer.alloc(0));
  expect(await rows()).toEqual([{ b: 'AP8Q', n: '9007199254740993' }]);
  expect(await row()).toEqual({ b: 'AP8Q', n: '9007199254740993', absent: 'null', half: '1.5' });
  expect(await lone()).toEqual({ structured: 'AP8Q' });
});

test('a column may have any name', async () => {
  await using fixture = new SqliteFixture({ init: 'CREATE TABLE unused (a)' });
  const sql = `SELECT 1 AS "__proto__", 2 AS "a ""b""", 3 AS "größe"`;
  const row = fixture.context(sql, 'Row');
  const tool = fixture.tool(sql);
  expect(await fixture.check()).toEqual([]);
  const expected = JSON.parse('{"__proto__":1,"a \\"b\\"":2,"größe":3}');
  expect(await row()).toEqual(expected);
  expect(Object.keys((await tool()) as object)).toEqual(['__proto__', 'a "b"', 'größe']);
});

test('tables that are changed meanwhile are read as they are now', async () => {
  await using fixture = new SqliteFixture({ init: 'CREATE TABLE t (a); INSERT INTO t VALUES (1)' });
  const rows = fixture.context('SELECT * FROM t', 'Rows');
  expect(await fixture.check()).toEqual([]);
  expect(await rows()).toEqual([{ a: 1 }]);
  fixture.look('ALTER TABLE t ADD COLUMN b DEFAULT 2');
  expect(await rows()).toEqual([{ a: 1, b: 2 }]);
  fixture.look('DROP TABLE t');
  await expect(rows()).rejects.toMatchObject({ reason: 'BACKEND_REFUSED', metadata: { sqlite_code: 'SQLITE_ERROR' } });
  fixture.look('CREATE TABLE t (c)');
  expect(await rows()).toEqual([]);
});
