/** What an outbox asks of a database: rows in their order, settled together or not at all, and statements checked at load. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../services/context-tool/database/database.ts';
import { DONE, drainOnce, ENGINES, FAILED, type OutboxEngine, outboxConfig, TAKE } from './outbox-fixture.ts';

describe.each(Object.entries(ENGINES))('%s', (name, startEngine) => {
  let engine: OutboxEngine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.query('DELETE FROM outbox'));

  const check = (database: Database) => database.check(new AbortController().signal);
  const ids = async () => (await engine.query('SELECT id FROM outbox ORDER BY id')).map(({ id }) => String(id));

  async function opened() {
    const database = engine.open();
    const table = database.outbox(outboxConfig(), 'Stock/db');
    expect(await check(database)).toEqual([]);
    return table;
  }

  async function problemOf(statements: Parameters<typeof outboxConfig>[0]) {
    const database = engine.open();
    database.outbox(outboxConfig(statements), 'Stock/db');
    const checked = await check(database);
    return checked === 'unreachable' ? checked : checked.map(({ message }) => message).join('; ');
  }

  test('rows come in their order with what they hold, and are gone when they are done', async () => {
    await engine.query(
      "INSERT INTO outbox (id, topic, payload, content_type, traceparent) VALUES (12, 'stock:b', 'ä', NULL, '00-1'), (3, 'stock:a', '{}', 'application/json', NULL)",
    );
    const rows = await drainOnce(await opened());
    expect(rows).toMatchObject([
      { id: '3', topic: 'stock:a', payload: '{}', contentType: 'application/json', traceparent: null },
      { id: '12', topic: 'stock:b', payload: 'ä', contentType: null, traceparent: '00-1' },
    ]);
    expect(await ids()).toEqual([]);
  });

  test('a payload of bytes is bytes', async () => {
    const bytes = name === 'SQLite' ? "x'00ff'" : "'\\x00ff'";
    await engine.query(`INSERT INTO outbox (topic, bytes) VALUES ('stock:a', ${bytes})`);
    const database = engine.open();
    const take = TAKE.replace('payload,', 'bytes AS payload,');
    const table = database.outbox(outboxConfig({ take }), 'Stock/db');
    expect(await check(database)).toEqual([]);
    const rows = await drainOnce(table);
    expect(rows).toMatchObject([{ payload: expect.any(Uint8Array) }]);
    expect(rows === 'busy' ? [] : [...Buffer.from(rows[0]?.payload ?? '')]).toEqual([0, 255]);
  });

  test('what is not settled stays, and a row that failed has its reason', async () => {
    await engine.query("INSERT INTO outbox (id, topic) VALUES (1, 'stock:a'), (2, 'stock:b'), (3, 'stock:c')");
    const table = await opened();
    await drainOnce(table, (row) => {
      if (row.id === '1') return { row };
      return row.id === '2' ? { row, failedFor: "it's no event" } : undefined;
    });
    expect(await engine.query('SELECT id, failure FROM outbox ORDER BY id')).toMatchObject([
      { failure: "it's no event" },
      { failure: null },
    ]);
    expect(await drainOnce(table)).toMatchObject([{ id: '3' }]);
  });

  test('nothing is settled when publishing throws, or when one statement is refused', async () => {
    await engine.query("INSERT INTO outbox (id, topic) VALUES (1, 'stock:a'), (2, 'stock:b')");
    const table = await opened();
    const thrown = drainOnce(table, () => {
      throw new Error('away');
    });
    await expect(thrown).rejects.toThrow('away');
    const database = engine.open();
    const done = 'DELETE FROM outbox WHERE id = :id AND 1 / (CAST(:id AS integer) - 2) IS NOT NULL';
    const failing =
      'INSERT INTO outbox (id, topic) SELECT id, topic FROM outbox WHERE id = 1 AND 2 = CAST(:id AS integer)';
    const broken = database.outbox(outboxConfig({ done: name === 'SQLite' ? failing : done }), 'Stock/db');
    expect(await check(database)).toEqual([]);
    await expect(drainOnce(broken)).rejects.toMatchObject({ reason: 'BACKEND_REFUSED' });
    expect(await ids()).toEqual(['1', '2']);
  });

  test('rows that are too large together are refused as such, and fewer of them are taken', async () => {
    const text = 'x'.repeat(200_000);
    const values = Array.from({ length: 60 }, (_, i) => `('stock:a', '${text}', ${i + 1})`);
    await engine.query(`INSERT INTO outbox (topic, payload, id) VALUES ${values.join(', ')}`);
    const table = await opened();
    await expect(drainOnce(table)).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    expect(await drainOnce(table, (row) => ({ row }), 10)).toHaveLength(10);
    expect(await ids()).toHaveLength(50);
  });

  test.each([
    ['no table', { take: TAKE.replace('outbox', 'outbocks') }, /outbocks/],
    ['a column that is missing', { take: TAKE.replace('payload,', '') }, /here payload is missing/],
    ['a column too many', { take: TAKE.replace('payload,', 'payload, failure,') }, /take "failure" out/],
    ['a column twice', { take: TAKE.replace('payload,', 'payload, payload,') }, /take "payload" out/],
    ['"done" of another table', { done: DONE.replace('outbox', 'outbocks') }, /outbocks/],
    ['"failed" of another column', { failed: FAILED.replace('failure', 'why') }, /why/],
    [
      'a take that changes rows',
      { take: `${DONE.replace(':id', ':limit')} RETURNING id, topic, payload, content_type` },
      /./,
    ],
  ])('%s is a problem at load', async (_title, statements, expected) => {
    expect(await problemOf(statements)).toMatch(expected);
  });
});

describe.each(Object.entries(ENGINES).slice(1))('Two replicas on %s', (_name, startEngine) => {
  let engine: OutboxEngine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  const opened = async (lock: string) => {
    const database = engine.open();
    const table = database.outbox(outboxConfig(), lock);
    await database.check(new AbortController().signal);
    return table;
  };

  test('only one of them has the outbox, another outbox of the database is free, and the lock ends with the batch', async () => {
    await engine.query("INSERT INTO outbox (id, topic) VALUES (1, 'stock:a')");
    const [first, second, other] = [await opened('Stock/db'), await opened('Stock/db'), await opened('Stock/db-2')];
    const published = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const draining = drainOnce(first, async (row) => {
      begun.resolve();
      await published.promise;
      return { row };
    });
    await begun.promise;
    expect(await drainOnce(second)).toBe('busy');
    expect(await drainOnce(other, () => undefined)).toMatchObject([{ id: '1' }]);
    published.resolve();
    expect(await draining).toMatchObject([{ id: '1' }]);
    expect(await drainOnce(second)).toEqual([]);
  });

  test.each(['FOR UPDATE', 'FOR UPDATE SKIP LOCKED'])('%s in "take" is a problem at load', async (lock) => {
    const database = engine.open();
    database.outbox(outboxConfig({ take: `${TAKE} ${lock}` }), 'Stock/db');
    const problems = await database.check(new AbortController().signal);
    expect(problems).toMatchObject([{ message: expect.stringContaining('read-only transaction') }]);
  });
});
