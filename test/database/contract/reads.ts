/** What a context answers. */
import { expect } from 'vitest';
import { type ContractTests, checked, contextOf, jsonOf } from './engine.ts';

const ODD_TEXTS = [
  '',
  ' ',
  "it's",
  '"',
  '\\',
  "\\'; --",
  '$1',
  ':sku',
  '?',
  '%',
  'a\nb\r\tc',
  'ж漢字🍐',
  '\u202e\u0001\u007f',
  'e\u0301',
];

export const readTests: ContractTests = {
  'a Value is JSON, and NULL is null': async (engine) => {
    const database = engine.open();
    const stock = contextOf(database, { sql: 'SELECT quantity FROM stock WHERE sku = :sku', segments: ['sku'] });
    const text = contextOf(database, { sql: 'SELECT warehouse FROM stock WHERE sku = :sku', segments: ['sku'] });
    const nothing = contextOf(database, { sql: 'SELECT NULL' });
    await checked(database);
    expect(jsonOf(await stock({ sku: 'pear' }))).toBe(3);
    expect(jsonOf(await text({ sku: 'pear' }))).toBe('NY');
    expect(jsonOf(await nothing())).toBeNull();
    expect((await stock({ sku: 'pear' })).contentType).toBe('application/json');
  },

  'no row is CONTEXT_UNKNOWN, several are BACKEND_REFUSED with their count': async (engine) => {
    const database = engine.open();
    const sql = 'SELECT quantity FROM stock WHERE warehouse = :warehouse';
    const value = contextOf(database, { sql, segments: ['warehouse'] });
    const row = contextOf(database, { sql, segments: ['warehouse'], result: 'Row' });
    await checked(database);
    for (const ask of [value, row]) {
      await expect(ask({ warehouse: 'SF' })).rejects.toMatchObject({ reason: 'CONTEXT_UNKNOWN' });
      const refused = { reason: 'BACKEND_REFUSED', metadata: { rows: '2' } };
      await expect(ask({ warehouse: 'NY' })).rejects.toMatchObject(refused);
    }
  },

  'a Row is an object with the columns in their order, Rows are a list of them': async (engine) => {
    const database = engine.open();
    const sql = 'SELECT warehouse, sku, quantity FROM stock WHERE warehouse = :warehouse ORDER BY sku';
    const row = contextOf(database, { sql, segments: ['warehouse'], result: 'Row' });
    const rows = contextOf(database, { sql, segments: ['warehouse'], result: 'Rows' });
    await checked(database);
    const one = await row({ warehouse: 'LA' });
    expect(one.content.toString()).toBe('{"warehouse":"LA","sku":"fig","quantity":5}');
    expect(jsonOf(await rows({ warehouse: 'NY' }))).toEqual([
      { warehouse: 'NY', sku: 'pear', quantity: 3 },
      { warehouse: 'NY', sku: 'plum', quantity: 4 },
    ]);
    expect(jsonOf(await rows({ warehouse: 'SF' }))).toEqual([]);
  },

  'an absent parameter is NULL, and one that comes twice is one value': async (engine) => {
    const database = engine.open();
    const ask = contextOf(database, {
      sql: `SELECT coalesce(sum(quantity), 0) FROM stock
            WHERE (CAST(:warehouse AS text) IS NULL OR warehouse = :warehouse)`,
      parameters: ['warehouse'],
    });
    await checked(database);
    expect(jsonOf(await ask())).toBe(12);
    expect(jsonOf(await ask({ warehouse: null }))).toBe(12);
    expect(jsonOf(await ask({ warehouse: 'NY' }))).toBe(7);
  },

  'texts come back as they were sent': async (engine) => {
    const database = engine.open();
    const ask = contextOf(database, { sql: 'SELECT CAST(:text AS text)', parameters: ['text'] });
    await checked(database);
    for (const text of [...ODD_TEXTS, 'x'.repeat(100_000)]) expect(jsonOf(await ask({ text }))).toBe(text);
  },

  'an object and a list are JSON text, a boolean and a number themselves': async (engine) => {
    const database = engine.open();
    const ask = contextOf(database, { sql: 'SELECT CAST(:text AS text)', parameters: ['text'] });
    const more = contextOf(database, { sql: 'SELECT CAST(:n AS integer) + 1', parameters: ['n'] });
    await checked(database);
    expect(jsonOf(await ask({ text: { a: [1, null] } }))).toBe('{"a":[1,null]}');
    expect(jsonOf(await ask({ text: ['x'] }))).toBe('["x"]');
    expect(jsonOf(await more({ n: 41 }))).toBe(42);
  },

  'a text that no database stores is ARGUMENT_INVALID and named': async (engine) => {
    const database = engine.open();
    const ask = contextOf(database, { sql: 'SELECT CAST(:text AS text)', parameters: ['text'] });
    await checked(database);
    for (const text of ['a\0b', '\ud83c']) {
      const refused = { reason: 'ARGUMENT_INVALID', metadata: { path: '/text' } };
      await expect(ask({ text })).rejects.toMatchObject(refused);
    }
  },

  'integers beyond 2^53 - 1 are texts with all digits': async (engine) => {
    const database = engine.open();
    const edge = '9007199254740991, 9007199254740992, -9007199254740991, -9007199254740992, 9223372036854775807';
    const columns = edge
      .split(', ')
      .map((n, i) => `CAST(${n} AS ${engine.kind === 'sqlite' ? 'integer' : 'bigint'}) AS c${i}`);
    const ask = contextOf(database, { sql: `SELECT ${columns.join(', ')}`, result: 'Row' });
    await checked(database);
    expect((await ask()).content.toString()).toBe(
      '{"c0":9007199254740991,"c1":"9007199254740992","c2":-9007199254740991,"c3":"-9007199254740992","c4":"9223372036854775807"}',
    );
  },

  'lone bytes come as they are, in a row as base64': async (engine) => {
    const database = engine.open();
    const bytes = engine.kind === 'sqlite' ? "x'00ff5c27'" : "CAST('\\x00ff5c27' AS bytea)";
    const lone = contextOf(database, { sql: `SELECT ${bytes}` });
    const row = contextOf(database, { sql: `SELECT ${bytes} AS b`, result: 'Row' });
    await checked(database);
    const expected = Buffer.from([0, 0xff, 0x5c, 0x27]);
    expect(await lone()).toMatchObject({ content: expected, contentType: 'application/octet-stream' });
    expect(jsonOf(await row())).toEqual({ b: expected.toString('base64') });
  },

  'forty callers at once are all answered, each with its own': async (engine) => {
    const database = engine.open();
    const ask = contextOf(database, { sql: 'SELECT CAST(:n AS integer) * 2', parameters: ['n'] });
    await checked(database);
    const numbers = Array.from({ length: 40 }, (_unused, n) => n);
    const answers = await Promise.all(numbers.map((n) => ask({ n })));
    expect(answers.map(jsonOf)).toEqual(numbers.map((n) => n * 2));
  },
};
