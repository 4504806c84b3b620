/** What an outbox asks of a database: rows in their order, settled together or not at all, and statements checked at load. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DONE, drainOnce, ENGINES, FAILED, type OutboxEngine, outboxConfig, TAKE } from './outbox-fixture.ts';

/** One engine under test, with the outbox that tests drain. */
class Bench {
  readonly name: string;
  readonly #start: () => Promise<OutboxEngine>;
  #engine: OutboxEngine | undefined;

  constructor(name: string, start: () => Promise<OutboxEngine>) {
    this.name = name;
    this.#start = start;
    beforeAll(async () => {
      this.#engine = await this.#start();
    });
    afterAll(() => this.engine[Symbol.asyncDispose]());
    beforeEach(() => this.query('DELETE FROM outbox'));
  }

  get engine(): OutboxEngine {
    if (this.#engine === undefined) throw new Error(`${this.name} did not start`);
    return this.#engine;
  }

  query(sql: string) {
    return this.engine.query(sql);
  }

  async ids(): Promise<readonly string[]> {
    return (await this.query('SELECT id FROM outbox ORDER BY id')).map(({ id }) => String(id));
  }

  /** Checked by the database. */
  async opened(statements: Parameters<typeof outboxConfig>[0] = {}, lock = 'Stock/db') {
    const database = this.engine.open();
    const table = database.outbox(outboxConfig(statements), lock);
    expect(await database.check(new AbortController().signal)).toEqual([]);
    return table;
  }

  async problemOf(statements: Parameters<typeof outboxConfig>[0]) {
    const database = this.engine.open();
    database.outbox(outboxConfig(statements), 'Stock/db');
    const checked = await database.check(new AbortController().signal);
    return checked === 'unreachable' ? checked : checked.map(({ message }) => message).join('; ');
  }
}

describe.each(Object.entries(ENGINES))('%s', (name, start) => {
  const bench = new Bench(name, start);
  describe('rows', () => testRows(bench));
  describe('failures', () => testFailures(bench));
  describe('the check at load', () => testLoad(bench));
});

function testRows(bench: Bench): void {
  test('rows come in their order with what they hold, and are gone when they are done', async () => {
    await bench.query(
      "INSERT INTO outbox (id, topic, payload, content_type, traceparent) VALUES (12, 'stock:b', 'ä', NULL, '00-1'), (3, 'stock:a', '{}', 'application/json', NULL)",
    );
    const rows = await drainOnce(await bench.opened());
    expect(rows).toMatchObject([
      { id: '3', topic: 'stock:a', payload: '{}', contentType: 'application/json', traceparent: null },
      { id: '12', topic: 'stock:b', payload: 'ä', contentType: null, traceparent: '00-1' },
    ]);
    expect(await bench.ids()).toEqual([]);
  });

  test('a payload of bytes is bytes', async () => {
    const bytes = bench.name === 'SQLite' ? "x'00ff'" : "'\\x00ff'";
    await bench.query(`INSERT INTO outbox (topic, bytes) VALUES ('stock:a', ${bytes})`);
    const table = await bench.opened({ take: TAKE.replace('payload,', 'bytes AS payload,') });
    const rows = await drainOnce(table);
    expect(rows).toMatchObject([{ payload: expect.any(Uint8Array) }]);
    expect(rows === 'busy' ? [] : [...Buffer.from(rows[0]?.payload ?? '')]).toEqual([0, 255]);
  });

  test('what is not settled stays, and a row that failed has its reason', async () => {
    await bench.query("INSERT INTO outbox (id, topic) VALUES (1, 'stock:a'), (2, 'stock:b'), (3, 'stock:c')");
    const table = await bench.opened();
    await drainOnce(table, (row) => {
      if (row.id === '1') return { row };
      return row.id === '2' ? { row, failedFor: "it's no event" } : undefined;
    });
    expect(await bench.query('SELECT id, failure FROM outbox ORDER BY id')).toMatchObject([
      { failure: "it's no event" },
      { failure: null },
    ]);
    expect(await drainOnce(table)).toMatchObject([{ id: '3' }]);
  });
}

function testFailures(bench: Bench): void {
  test('nothing is settled when publishing throws, or when one statement is refused', async () => {
    await bench.query("INSERT INTO outbox (id, topic) VALUES (1, 'stock:a'), (2, 'stock:b')");
    const table = await bench.opened();
    const thrown = drainOnce(table, () => {
      throw new Error('away');
    });
    await expect(thrown).rejects.toThrow('away');
    const done = 'DELETE FROM outbox WHERE id = :id AND 1 / (CAST(:id AS integer) - 2) IS NOT NULL';
    const failing =
      'INSERT INTO outbox (id, topic) SELECT id, topic FROM outbox WHERE id = 1 AND 2 = CAST(:id AS integer)';
    const broken = await bench.opened({ done: bench.name === 'SQLite' ? failing : done });
    await expect(drainOnce(broken)).rejects.toMatchObject({ reason: 'BACKEND_REFUSED' });
    expect(await bench.ids()).toEqual(['1', '2']);
  });

  test('rows that are too large together are refused as such, and fewer of them are taken', async () => {
    const text = 'x'.repeat(200_000);
    const values = Array.from({ length: 60 }, (_, i) => `('stock:a', '${text}', ${i + 1})`);
    await bench.query(`INSERT INTO outbox (topic, payload, id) VALUES ${values.join(', ')}`);
    const table = await bench.opened();
    await expect(drainOnce(table)).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    expect(await drainOnce(table, (row) => ({ row }), 10)).toHaveLength(10);
    expect(await bench.ids()).toHaveLength(50);
  });
}

function testLoad(bench: Bench): void {
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
    expect(await bench.problemOf(statements)).toMatch(expected);
  });
}

describe.each(Object.entries(ENGINES).slice(1))('Two replicas on %s', (name, start) => {
  const bench = new Bench(name, start);

  test('only one of them has the outbox, another outbox of the database is free, and the lock ends with the batch', async () => {
    await bench.query("INSERT INTO outbox (id, topic) VALUES (1, 'stock:a')");
    const [first, second] = [await bench.opened(), await bench.opened()];
    const other = await bench.opened({}, 'Stock/db-2');
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
    expect(await bench.problemOf({ take: `${TAKE} ${lock}` })).toContain('read-only transaction');
  });
});
