/** Values of every type arrive exactly, also where the role or the database writes them in another way. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../harness/postgres.ts';
import { checked, contextOf, jsonOf } from './contract/engine.ts';
import { openPostgres } from './postgres-fixture.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
  await server.query("CREATE TYPE mood AS ENUM ('sad', 'very happy')");
  await server.query('CREATE DOMAIN amount AS bigint CHECK (VALUE >= 0)');
  await server.query('CREATE TYPE pair AS (a integer, b text)');
  // A role to which everything is written in another way.
  await server.query("CREATE ROLE abroad LOGIN PASSWORD 'x'");
  await server.query("ALTER ROLE abroad SET datestyle = 'German, DMY'");
  await server.query("ALTER ROLE abroad SET timezone = 'Asia/Kolkata'");
  await server.query('ALTER ROLE abroad SET bytea_output = escape');
  await server.query('ALTER ROLE abroad SET standard_conforming_strings = off');
});
afterAll(() => server[Symbol.asyncDispose]());

/** What is selected, and the JSON text that arrives. */
const VALUES: readonly (readonly [string, string])[] = [
  ['NULL::integer', 'null'],
  ['true', 'true'],
  ['false', 'false'],
  ['(-32768)::smallint', '-32768'],
  ['2147483647', '2147483647'],
  ['9007199254740991::bigint', '9007199254740991'],
  ['9007199254740992::bigint', '"9007199254740992"'],
  ['(-9223372036854775808)::bigint', '"-9223372036854775808"'],
  ['42::amount', '42'],
  ['0.10::numeric', '"0.10"'],
  [
    '123456789012345678901234567890.123456789012345678901234567890::numeric',
    '"123456789012345678901234567890.123456789012345678901234567890"',
  ],
  ["'NaN'::numeric", '"NaN"'],
  ['0.1::float8', '0.1'],
  ['0.1::float4', '0.1'],
  ['1e300::float8', '1e+300'],
  ['2.2250738585072014e-308::float8', '2.2250738585072014e-308'],
  ["'-Infinity'::float8", '"-Infinity"'],
  ["'NaN'::float4", '"NaN"'],
  ["'it''s \"x\" \\ \u{1f350}'", '"it\'s \\"x\\" \\\\ \u{1f350}"'],
  ["''", '""'],
  ["'ab '::char(4)", '"ab  "'],
  ["'x'::varchar", '"x"'],
  ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'],
  ["'very happy'::mood", '"very happy"'],
  ["ROW(1, 'x')::pair", '"(1,x)"'],
  ['int4range(1, 5)', '"[1,5)"'],
  ["'10.0.0.1'::inet", '"10.0.0.1"'],
  ['\'{"a": 12345678901234567890, "b": [1.10, null]}\'::jsonb', '{"a": 12345678901234567890, "b": [1.10, null]}'],
  ['\'{"a":1,"a":2}\'::json', '{"a":1,"a":2}'],
  ["'null'::jsonb", 'null'],
  ['ARRAY[1, NULL, 3]', '[1,null,3]'],
  ["'{}'::integer[]", '[]'],
  ['ARRAY[[1, 2], [3, 4]]', '[[1,2],[3,4]]'],
  ["'[2:3]={5,6}'::integer[]", '[5,6]'],
  ['ARRAY[9007199254740993]', '["9007199254740993"]'],
  ["ARRAY[1.50, 'NaN']::numeric[]", '["1.50","NaN"]'],
  ["ARRAY['a,b', 'NULL', NULL, '', '{', '\"', 'back\\slash']", '["a,b","NULL",null,"","{","\\"","back\\\\slash"]'],
  ["ARRAY['sad', 'very happy']::mood[]", '["sad","very happy"]'],
  ['ARRAY[1, 9007199254740992]::amount[]', '[1,"9007199254740992"]'],
  ["ARRAY['10.0.0.1', '::1']::inet[]", '["10.0.0.1","::1"]'],
  ['ARRAY[\'{"a": 12345678901234567890}\']::jsonb[]', '[{"a": 12345678901234567890}]'],
  ['ARRAY[true, NULL]', '[true,null]'],
  ["ARRAY['\\x00ff']::bytea[]", '["AP8="]'],
  ["date '2026-11-30'", '"2026-11-30"'],
  ["date '0044-03-15 BC'", '"-000043-03-15"'],
  ["date 'infinity'", '"infinity"'],
  ["timestamp '2026-11-30 17:26:00'", '"2026-11-30T17:26:00"'],
  ["timestamp '2026-11-30 17:26:00.123456'", '"2026-11-30T17:26:00.123456"'],
  ["timestamptz '2026-11-30 17:26:00.123456+02'", '"2026-11-30T15:26:00.123456Z"'],
  ["timestamptz '2026-11-30 23:59:59.9-08'", '"2026-12-01T07:59:59.900000Z"'],
  ["timestamptz '1850-01-01 00:00:00+00'", '"1850-01-01T00:00:00.000000Z"'],
  ["timestamptz '12026-01-01 00:00:00+00'", '"+012026-01-01T00:00:00.000000Z"'],
  ["timestamptz '-infinity'", '"-infinity"'],
  ["ARRAY[timestamptz '2026-11-30 17:26:00+00']", '["2026-11-30T17:26:00.000000Z"]'],
  ["time '17:26:00.5'", '"17:26:00.5"'],
  ["interval '1 day 2 hours'", '"1 day 02:00:00"'],
  ["convert_to('a' || chr(92) || '''' || chr(228), 'UTF8')", `"${Buffer.from("a\\'ä").toString('base64')}"`],
];

test.each([
  ['with the defaults', undefined],
  ['where the role writes dates, bytes and texts in another way', { user: 'abroad', password: 'x' }],
])('every type, %s', async (_title, role) => {
  await using database = openPostgres({ primary: server.url(role) });
  const columns = VALUES.map(([sql], i) => `${sql} AS c${i}`);
  // "::" is no placeholder, and '[2:3]' stands in a text.
  const ask = contextOf(database, { sql: `SELECT ${columns.join(', ')}`, result: 'Row' });
  await checked(database);
  const { content } = await ask();
  expect(content.toString()).toBe(`{${VALUES.map(([, json], i) => `"c${i}":${json}`).join(',')}}`);
});

test('lone bytes arrive as they are, in both forms of bytea_output, empty ones too', async () => {
  for (const role of [undefined, { user: 'abroad', password: 'x' }]) {
    await using database = openPostgres({ primary: server.url(role) });
    const all = contextOf(database, {
      sql: "SELECT decode(string_agg(lpad(to_hex(b), 2, '0'), '' ORDER BY b), 'hex') FROM generate_series(0, 255) AS b",
    });
    const none = contextOf(database, { sql: 'SELECT CAST(CAST(:text AS text) AS bytea)', parameters: ['text'] });
    await checked(database);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_unused, b) => b));
    expect(await all()).toMatchObject({ content: bytes, contentType: 'application/octet-stream' });
    expect(await none({ text: '' })).toMatchObject({
      content: Buffer.alloc(0),
      contentType: 'application/octet-stream',
    });
    expect(jsonOf(await none())).toBeNull();
  }
});

test('parameters are read as the type that the statement says', async () => {
  await using database = openPostgres({ primary: server.url() });
  const sql = `SELECT CAST(:a AS bigint) AS a, CAST(:b AS numeric) AS b, CAST(:c AS boolean) AS c, CAST(:d AS jsonb) AS d,
    (SELECT array_agg(x) FROM jsonb_array_elements_text(CAST(:e AS jsonb)) AS x) AS e, CAST(:f AS timestamptz) AS f`;
  const ask = contextOf(database, { sql, result: 'Row', parameters: [...'abcdef'] });
  await checked(database);
  const d = { n: null, x: [1, "it's"] };
  const values = { a: 9_007_199_254_740_993n, b: '0.10', c: true, d, e: ['x', 'y'], f: '2026-11-30T17:26:00.123456Z' };
  expect(jsonOf(await ask(values))).toEqual({
    ...values,
    a: '9007199254740993',
  });
});

test('a database in another encoding', async () => {
  await server.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  await using database = openPostgres({ primary: server.url().replace(/\/postgres$/, '/latin') });
  const ask = contextOf(database, { sql: 'SELECT :text || CAST(length(:text) AS text)', parameters: ['text'] });
  await checked(database);
  expect(jsonOf(await ask({ text: 'ä' }))).toBe('ä1');
  // Latin-1 has no pear.
  await expect(ask({ text: '🍐' })).rejects.toMatchObject({
    reason: 'BACKEND_REFUSED',
    metadata: { sqlstate: '22P05' },
  });
});
