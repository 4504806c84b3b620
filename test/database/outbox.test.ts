/** Rows that become events on a real bus: what is refused, what waits, and what a server says of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ContextToolProcess } from '../harness/context-tool-process.ts';
import { type BusProcess, startBusProcess } from '../harness/event-bus.ts';
import { eventually } from '../harness/eventually.ts';
import {
  configurationOf,
  eventsOf,
  type OutboxServerOptions,
  startOutboxServer,
  TABLES,
  type TableUnderTest,
  untilDrained,
} from './outbox-server.ts';

let bus: BusProcess;
beforeAll(async () => {
  bus = await startBusProcess();
});
afterAll(() => bus[Symbol.asyncDispose]());

/** Events of earlier tests stay in the log, so each test has topics of its own. */
let topic = '';
let tests = 0;
beforeEach(() => {
  tests += 1;
  topic = `stock:t${tests}`;
});

const published = (server: ContextToolProcess) => server.metric('mcp2_outbox_published_total', { outbox: 'stock' });
const gauge = (server: ContextToolProcess, name: string) => server.metric(`mcp2_outbox_${name}`, { outbox: 'stock' });

async function idsOn(name: string) {
  const caller = await bus.caller({ sub: 'default.reader' });
  await using reader = caller.subscribe(name, { start: 1, idle_heartbeat_ms: 100 });
  await reader.follows();
  return reader.events.map(({ event_id }) => event_id);
}

/** Behind PgBouncer rather than without: what works there works at the server itself. */
const { SQLite, 'PostgreSQL behind PgBouncer': PgBouncer } = TABLES;

/** One table, emptied before each test. */
class Bench {
  #table: TableUnderTest | undefined;

  constructor(startTable: () => Promise<TableUnderTest>) {
    beforeAll(async () => {
      this.#table = await startTable();
    });
    afterAll(() => this.table[Symbol.asyncDispose]());
    beforeEach(() => this.table.query('DELETE FROM outbox'));
  }

  get table(): TableUnderTest {
    if (this.#table === undefined) throw new Error('the table was not made');
    return this.#table;
  }

  startServer(more: Partial<OutboxServerOptions> = {}) {
    return startOutboxServer({ table: this.table, bus, ...more });
  }

  insert(rows: readonly (readonly [topic: string, payload?: string])[]) {
    const values = rows.map(([name, payload = '{}']) => `('${name}', '${payload}')`);
    return this.table.query(`INSERT INTO outbox (topic, payload) VALUES ${values.join(', ')}`);
  }
}

describe.each(Object.entries({ SQLite, PgBouncer }))('%s', (_name, startTable) => {
  const bench = new Bench(startTable);
  describe('rows', () => testRows(bench));
  describe('a row that stops the outbox', () => testBlocked(bench));
  describe('the bus', () => testBus(bench));
  describe('the server', () => testServer(bench));
});

function testRows(on: Bench): void {
  test('a row becomes an event of the server with what it holds, and the card says what is published', async () => {
    await using server = await on.startServer();
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await on.table.query(
      `INSERT INTO outbox (topic, payload, traceparent) VALUES ('${topic}', '{"count": 9}', '${trace}')`,
    );
    await untilDrained(on.table);
    const events = (await eventsOf(bus, 1)).filter((event) => event.topic === topic);
    expect(events).toMatchObject([
      {
        topic,
        event_id: expect.stringMatching(/^Stock\/stock\/\d+$/),
        publisher: 'default.Stock',
        content_type: 'application/json',
        attributes: { traceparent: trace },
      },
    ]);
    expect(JSON.parse(String(events[0]?.payload))).toEqual({ count: 9 });
    expect((await server.calls.card()).capabilities).toEqual(['event:publish:stock:*']);
    expect(await published(server)).toBe(1);
  });

  test('rows that can never be published are set aside with the reason, and the others follow', async () => {
    await using server = await on.startServer({ rights: [`event:publish:${topic}`] });
    await on.insert([[topic], ['prices:a'], ['not a topic'], [`stock:other`], [topic]]);
    await untilDrained(on.table);
    expect(await idsOn(topic)).toHaveLength(2);
    const failures = await on.table.query('SELECT failure FROM outbox ORDER BY id');
    expect(failures.map(({ failure }) => failure)).toEqual([
      expect.stringContaining('"prices:a" is outside of "topics"'),
      expect.stringContaining('"not a topic" is none'),
      expect.stringContaining('CAPABILITY_DENIED'),
    ]);
    expect(await gauge(server, 'failed_total')).toBe(3);
    expect(await gauge(server, 'blocked')).toBe(0);
  });
}

function testBlocked(on: Bench): void {
  test('without "failed" the outbox stops there, says where, and goes on when the row is mended', async () => {
    await using server = await on.startServer({ setsAside: false });
    await on.insert([[topic], ['prices:a'], [topic]]);
    await eventually(
      () => gauge(server, 'blocked'),
      (blocked) => blocked === 1,
    );
    const [{ id } = {}] = await on.table.query("SELECT id FROM outbox WHERE topic = 'prices:a'");
    const [line] = await server.logged('the outbox stopped at a row');
    expect(line).toMatchObject({
      id: String(id),
      outbox: 'stock',
      reason: expect.stringContaining('outside of "topics"'),
    });
    expect(await idsOn(topic)).toHaveLength(1);
    await on.table.query(`UPDATE outbox SET topic = '${topic}' WHERE id = ${String(id)}`);
    await untilDrained(on.table);
    expect(await idsOn(topic)).toHaveLength(3);
    await eventually(
      () => gauge(server, 'blocked'),
      (blocked) => blocked === 0,
    );
    expect(await server.logged('the outbox stopped at a row')).toHaveLength(1);
  });
}

function testBus(on: Bench): void {
  test('while the bus is away rows are kept and their age rises, then they are published', async () => {
    await using server = await on.startServer();
    await bus.process.kill();
    try {
      await on.insert([
        [topic, '1'],
        [topic, '2'],
      ]);
      await eventually(
        () => gauge(server, 'unable_seconds'),
        (seconds) => (seconds ?? 0) > 1,
      );
      expect(await gauge(server, 'age_seconds')).toBeGreaterThan(1);
      expect(await on.table.query('SELECT id FROM outbox')).toHaveLength(2);
      expect(await gauge(server, 'blocked')).toBe(0);
    } finally {
      await bus.process.start();
    }
    await untilDrained(on.table);
    expect(await idsOn(topic)).toHaveLength(2);
    await eventually(
      () => gauge(server, 'age_seconds'),
      (age) => age === 0,
    );
    expect(await gauge(server, 'unable_seconds')).toBe(0);
    expect(await server.logged('the outbox gets on again')).toHaveLength(1);
  });

  test('a token that ends is renewed in its file, and rows wait until then', async () => {
    await using server = await on.startServer();
    const file = join(server.folder, 'token');
    const claims = { aud: ['EventBusServer'], sub: 'default.Stock', capabilities: ['event:publish:stock:*'] };
    writeFileSync(file, await bus.tokens.mint(claims, { nowMs: Date.now() - 7_200_000 }));
    server.write('server.yaml', `${configurationOf({ table: on.table })}token: {fromFile: token}\n`);
    await eventually(
      () => server.logged('another configuration is in force'),
      (lines) => lines.length === 1,
    );
    await on.insert([[topic]]);
    const [line] = await eventually(
      () => server.logged('the outbox cannot publish now; its rows are kept'),
      (lines) => lines.length > 0,
    );
    expect(line?.reason).toMatch(/token/i);
    writeFileSync(file, await bus.tokens.mint({ ...claims, ttlSeconds: 3600 }));
    await untilDrained(on.table);
    expect(await idsOn(topic)).toHaveLength(1);
  });
}

function testServer(on: Bench): void {
  test('a reload goes on with the rows that are left, and a server that is told to stop settles what it published', async () => {
    await using server = await on.startServer();
    const insertMany = () => on.insert(Array.from({ length: 300 }, (_, i) => [topic, String(i)] as const));
    await insertMany();
    server.write('server.yaml', configurationOf({ table: on.table, every: '60ms' }));
    await eventually(
      () => server.logged('another configuration is in force'),
      (lines) => lines.length === 1,
    );
    await insertMany();
    expect(await server.process.stop()).toEqual({ code: 0, signal: null });
    const left = (await on.table.query('SELECT id FROM outbox')).length;
    expect(await idsOn(topic)).toHaveLength(600 - left);
    await server.process.start();
    await untilDrained(on.table);
    expect(new Set(await idsOn(topic)).size).toBe(600);
    expect(await idsOn(topic)).toHaveLength(600);
  });
}
