/**
 * Rows and events while processes are killed between taking, publishing and settling: every row becomes an event, in order on
 * its topic, and what is published twice has the same id. MCP2_TEST_FULL: 50 kills instead of 5.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContextToolProcess } from '../harness/context-tool-process.ts';
import { type BusProcess, startBusProcess } from '../harness/event-bus.ts';
import type { Envelope } from '../harness/event-reader.ts';
import { eventually } from '../harness/eventually.ts';
import { eventsOf, startOutboxServer, TABLES, type TableUnderTest, untilDrained } from './outbox-server.ts';

const KILLS = process.env.MCP2_TEST_FULL === undefined ? 5 : 50;
const TOPICS = 5;
const ROWS_AT_ONCE = 4;
const LONGEST_MS = 300_000 + KILLS * 10_000;

/** Writes rows from several connections at once until it is told to stop. */
class RowWriter {
  readonly #table: TableUnderTest;
  readonly #pauseMs: number;
  readonly #running: Promise<unknown>;
  #isOver = false;
  rows = 0;

  constructor(table: TableUnderTest, writers: number) {
    this.#table = table;
    // As many rows with several writers as with one: more than can be published would only wait.
    this.#pauseMs = 100 * writers;
    this.#running = Promise.all(Array.from({ length: writers }, () => this.#write()));
  }

  async stop(): Promise<number> {
    this.#isOver = true;
    await this.#running;
    return this.rows;
  }

  async #write(): Promise<void> {
    while (!this.#isOver) {
      const first = Math.floor(Math.random() * TOPICS);
      const topics = Array.from({ length: ROWS_AT_ONCE }, (_, i) => `stock:t${(first + i) % TOPICS}`);
      // In one order of topics: else two transactions would wait for each other.
      const values = topics.sort().map((topic) => `('${topic}', '{}')`);
      await this.#table.query(`INSERT INTO outbox (topic, payload) VALUES ${values.join(', ')}`);
      this.rows += ROWS_AT_ONCE;
      await sleep(Math.random() * this.#pauseMs);
    }
  }
}

/** Rows have rising ids on each topic, whoever wrote them. */
function checkEvents(events: readonly Envelope[], rows: number): void {
  expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(rows);
  // All of it lies within the window in which the bus knows an id again.
  expect(events).toHaveLength(rows);
  for (let i = 0; i < TOPICS; i++) {
    const ids = events
      .filter(({ topic }) => topic === `stock:t${i}`)
      .map(({ event_id }) => Number(event_id.split('/').at(-1)));
    expect(ids.length).toBeGreaterThan(0);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  }
}

async function killAndStart(one: ContextToolProcess['process']): Promise<void> {
  await one.kill();
  await one.start();
}

const { SQLite, 'PostgreSQL behind PgBouncer': PgBouncer, PostgreSQL } = TABLES;

describe.each(Object.entries({ SQLite, PgBouncer }))('%s', (_name, startTable) => {
  test(`server and bus are killed ${KILLS} times while rows are written`, { timeout: LONGEST_MS }, async () => {
    await using table = await startTable();
    await using bus = await startBusProcess();
    await using server = await startOutboxServer({ table, bus });
    const writer = new RowWriter(table, 1);
    for (let i = 0; i < KILLS; i++) {
      await sleep(Math.random() * 300);
      await killAndStart(i % 2 === 0 ? server.process : bus.process);
    }
    const rows = await writer.stop();
    await untilDrained(table);
    checkEvents(await eventsOf(bus, rows), rows);
  });

  test('a server that is killed before it could settle publishes again what is the same event', async () => {
    await using table = await startTable();
    await using bus = await startBusProcess();
    await using server = await startOutboxServer({ table, bus });
    const rows = "('stock:a', '{}'), ('stock:b', '{}'), ('stock:a', '{}')";
    const release = await table.insertHeld(`INSERT INTO outbox (topic, payload) VALUES ${rows}`);
    const before = await eventsOf(bus, 3);
    await server.process.kill();
    await release();
    expect(await table.query('SELECT id FROM outbox')).toHaveLength(3);
    await server.process.start();
    await untilDrained(table);
    expect(await eventsOf(bus, 3)).toEqual(before);
    expect(await publishedBy(server)).toBe(3);
  });

  test('a bus that is killed before it answered gets the rows when it is back', async () => {
    await using table = await startTable();
    await using bus = await startBusProcess();
    await using server = await startOutboxServer({ table, bus });
    bus.process.pause();
    await table.query("INSERT INTO outbox (topic, payload) VALUES ('stock:a', '{}'), ('stock:b', '{}')");
    await eventually(
      () => server.metric('mcp2_outbox_age_seconds', { outbox: 'stock' }),
      (age) => (age ?? 0) > 0,
    );
    await killAndStart(bus.process);
    await untilDrained(table);
    expect(await eventsOf(bus, 2)).toHaveLength(2);
  });
});

describe('two replicas on PostgreSQL', () => {
  let table: TableUnderTest;
  let bus: BusProcess;
  beforeAll(async () => {
    [table, bus] = await Promise.all([PostgreSQL(), startBusProcess()]);
  });
  afterAll(async () => {
    await Promise.all([table[Symbol.asyncDispose](), bus[Symbol.asyncDispose]()]);
  });

  test('keep the order of each topic, also while one of them is killed', { timeout: LONGEST_MS }, async () => {
    await using first = await startOutboxServer({ table, bus });
    await using second = await startOutboxServer({ table, bus });
    const writer = new RowWriter(table, 4);
    const shares: number[] = [];
    for (let i = 0; i < KILLS; i++) {
      await sleep(500);
      shares.push(...(await Promise.all([first, second].map(publishedBy))));
      await killAndStart(first.process);
    }
    const rows = await writer.stop();
    await untilDrained(table);
    checkEvents(await eventsOf(bus, rows), rows);
    expect(shares.filter((share, i) => i % 2 === 0 && share > 0).length).toBeGreaterThan(0);
    expect(shares.at(-1)).toBeGreaterThan(0);
  });
});

async function publishedBy(server: ContextToolProcess): Promise<number> {
  return (await server.metric('mcp2_outbox_published_total', { outbox: 'stock' })) ?? 0;
}
