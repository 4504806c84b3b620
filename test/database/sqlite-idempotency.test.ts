/** Answers of calls with an idempotency key, beyond what the contract of databases says of them. */
import { expect, test } from 'vitest';
import { openSqlite } from '../../services/context-tool/database/sqlite/open-sqlite.ts';
import { systemClock } from '../../services/lib/clock.ts';
import { silentLogger } from '../../services/lib/logger.ts';
import { newFiles, PLACE, SqliteFixture, toCall } from './sqlite-fixture.ts';

const STOCK = "CREATE TABLE stock (sku text PRIMARY KEY, n integer CHECK (n >= 0)); INSERT INTO stock VALUES ('a', 30)";
const TAKE = "UPDATE stock SET n = n - 1 WHERE sku = 'a' RETURNING n";
const MINUTE_MS = 60_000;

test('a key holds over a restart', async () => {
  const keyed = { id: 'k', argumentsHash: 'h' };
  await using first = new SqliteFixture({ init: STOCK });
  const take = first.tool(TAKE);
  expect(await first.check()).toEqual([]);
  expect(await take({}, { keyed })).toEqual({ n: '29' });
  await first.database.close();
  await using second = new SqliteFixture({ folder: first.folder });
  const again = second.tool(TAKE);
  expect(await second.check()).toEqual([]);
  expect(await again({}, { keyed })).toEqual({ n: '29' });
  expect(await again({}, { keyed: { id: 'k2', argumentsHash: 'h' } })).toEqual({ n: '28' });
});

test('a key holds for ten minutes, and old ones are taken away a hundred at a time', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  let aheadMs = 0;
  const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
  const config = {
    kind: 'sqlite',
    name: 'db',
    place: PLACE,
    file: fixture.file,
    init: [],
    statementTimeoutMs: 5_000,
  } as const;
  fixture.tool(TAKE);
  expect(await fixture.check()).toEqual([]);
  const database = openSqlite(config, { files: newFiles(), clock, log: silentLogger });
  const take = database.tool(
    { database: 'db', sql: TAKE, place: PLACE, result: 'Row', isolation: 'Serializable' },
    { segments: [], parameters: [] },
  );
  expect(await database.check(AbortSignal.timeout(10_000))).toEqual([]);
  const call = (id: string) => toCall({ keyed: { id, argumentsHash: 'h' }, deadlineMs: Date.now() + 60 * MINUTE_MS });
  const first = await take({}, call('k'));
  fixture.look(`INSERT INTO mcp2_idempotency WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 250)
                SELECT 'old' || n, 'h', '{}', 1 FROM i`);
  aheadMs = 9 * MINUTE_MS;
  expect(await take({}, call('k'))).toEqual(first);
  aheadMs = 11 * MINUTE_MS;
  expect(await take({}, call('k'))).not.toEqual(first);
  const kept = () => fixture.look('SELECT count(*) AS n FROM mcp2_idempotency');
  expect(kept()).toEqual([{ n: 251 - 100 }]);
  await take({}, call('k2'));
  await take({}, call('k3'));
  expect(kept()).toEqual([{ n: 3 }]);
  await database.close();
});

test('a call that fails keeps nothing, so that the key may be used again', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const add = fixture.tool('INSERT INTO stock VALUES (:sku, :n) RETURNING sku');
  expect(await fixture.check()).toEqual([]);
  const keyed = { id: 'k', argumentsHash: 'h' };
  const refused = { reason: 'BACKEND_REFUSED', metadata: { sqlite_code: 'SQLITE_CONSTRAINT_CHECK' } };
  await expect(add({ sku: 'b', n: -1 }, { keyed })).rejects.toMatchObject(refused);
  expect(fixture.look('SELECT * FROM mcp2_idempotency')).toEqual([]);
  expect(await add({ sku: 'b', n: 1 }, { keyed })).toEqual({ sku: 'b' });
  await expect(add({ sku: 'b', n: 1 })).rejects.toMatchObject({
    metadata: { sqlite_code: 'SQLITE_CONSTRAINT_PRIMARYKEY' },
  });
});

test('another table of that name is a problem at load', async () => {
  await using fixture = new SqliteFixture({ init: `${STOCK}; CREATE TABLE mcp2_idempotency (mine)` });
  const take = fixture.tool(TAKE);
  expect(await fixture.check()).toMatchObject([{ message: expect.stringContaining('mcp2_idempotency') }]);
  await expect(take()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
});
