/** The table of placeholder texts, as SQLite itself reads them. */
import { expect, test } from 'vitest';
import { PLACEHOLDER_TEXTS } from './placeholder-texts.ts';
import { SqliteFixture } from './sqlite-fixture.ts';

test('SQLite reads every text as the lexer does', async () => {
  await using fixture = new SqliteFixture({ init: 'CREATE TABLE unused (a)' });
  const runnable = PLACEHOLDER_TEXTS.filter(({ answer, only }) => answer !== undefined && only !== 'postgres');
  const reads = runnable.map(({ sql }) => fixture.context(sql));
  expect(await fixture.check()).toEqual([]);
  for (const [index, { title, values = {}, answer }] of runnable.entries()) {
    expect(await reads[index]?.({ parameters: values }), title).toBe(answer);
  }
  expect(runnable.length).toBeGreaterThanOrEqual(40);
});

test('a text that PostgreSQL alone can read is a problem at load, with its place', async () => {
  await using fixture = new SqliteFixture({ init: 'CREATE TABLE unused (a)' });
  const read = fixture.context('SELECT 1,\n  :a::text');
  expect(await fixture.check()).toMatchObject([{ line: 11, column: 11, message: expect.stringContaining('CAST') }]);
  await expect(read()).rejects.toMatchObject({ reason: 'BACKEND_REFUSED' });
});
