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

describe.each(Object.entries({ SQLite, PgBouncer }))('%s', (_name, startTable) => {
  let table: TableUnderTest;
  beforeAll(async () => {
    table = await startTable();
  });
  afterAll(() => table[Symbol.asyncDispose]());
  beforeEach(() => table.query('DELETE FROM outbox'));

  const startServer = (more: Partial<OutboxServerOptions> = {}) => startOutboxServer({ table, bus, ...more });
  const insert = (rows: readonly (readonly [id: number, topic: string, payload?: string])[]) =>
    table.query(
      `INSERT INTO outbox (topic, payload) VALUES ${rows.map(([, name, payload = '{}']) => `('${name}', '${payload}')`).join(', ')}`,
    );

  test('a row becomes an event of the server with what it holds, and the card says what is published', async () => {
    await using server = await startServer();
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await table.query(
      `INSERT INTO outbox (topic, payload, traceparent) VALUES ('${topic}', '{"count": 9}', '${trace}')`,
    );
    await untilDrained(table);
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
    await using server = await startServer({ rights: [`event:publish:${topic}`] });
    await insert([
      [1, topic],
      [2, 'prices:a'],
      [3, 'not a topic'],
      [4, `stock:other`],
      [5, topic],
    ]);
    await untilDrained(table);
    expect(await idsOn(topic)).toHaveLength(2);
    const failures = await table.query('SELECT failure FROM outbox ORDER BY id');
    expect(failures.map(({ failure }) => failure)).toEqual([
      expect.stringContaining('"prices:a" is outside of "topics"'),
      expect.stringContaining('"not a topic" is none'),
      expect.stringContaining('CAPABILITY_DENIED'),
    ]);
    expect(await gauge(server, 'failed_total')).toBe(3);
    expect(await gauge(server, 'blocked')).toBe(0);
  });

  test('without "failed" the outbox stops there, says where, and goes on when the row is mended', async () => {
    await using server = await startServer({ setsAside: false });
    await insert([
      [1, topic],
      [2, 'prices:a'],
      [3, topic],
    ]);
    await eventually(
      () => gauge(server, 'blocked'),
      (blocked) => blocked === 1,
    );
    const [{ id } = {}] = await table.query("SELECT id FROM outbox WHERE topic = 'prices:a'");
    const [line] = await server.logged('the outbox stopped at a row');
    expect(line).toMatchObject({
      id: String(id),
      outbox: 'stock',
      reason: expect.stringContaining('outside of "topics"'),
    });
    expect(await idsOn(topic)).toHaveLength(1);
    await table.query(`UPDATE outbox SET topic = '${topic}' WHERE id = ${String(id)}`);
    await untilDrained(table);
    expect(await idsOn(topic)).toHaveLength(3);
    await eventually(
      () => gauge(server, 'blocked'),
      (blocked) => blocked === 0,
    );
    expect(await server.logged('the outbox stopped at a row')).toHaveLength(1);
  });

  test('while the bus is away rows are kept and their age rises, then they are published', async () => {
    await using server = await startServer();
    await bus.process.kill();
    try {
      await insert([
        [1, topic, '1'],
        [2, topic, '2'],
      ]);
      await eventually(
        () => gauge(server, 'unable_seconds'),
        (seconds) => (seconds ?? 0) > 1,
      );
      expect(await gauge(server, 'age_seconds')).toBeGreaterThan(1);
      expect(await table.query('SELECT id FROM outbox')).toHaveLength(2);
      expect(await gauge(server, 'blocked')).toBe(0);
    } finally {
      await bus.process.start();
    }
    await untilDrained(table);
    expect(await idsOn(topic)).toHaveLength(2);
    await eventually(
      () => gauge(server, 'age_seconds'),
      (age) => age === 0,
    );
    expect(await gauge(server, 'unable_seconds')).toBe(0);
    expect(await server.logged('the outbox gets on again')).toHaveLength(1);
  });

  test('a token that ends is renewed in its file, and rows wait until then', async () => {
    await using server = await startServer();
    const file = join(server.folder, 'token');
    const claims = { aud: ['EventBusServer'], sub: 'default.Stock', capabilities: ['event:publish:stock:*'] };
    writeFileSync(file, await bus.tokens.mint(claims, { nowMs: Date.now() - 7_200_000 }));
    server.write('server.yaml', `${configurationOf({ table })}token: {fromFile: token}\n`);
    await eventually(
      () => server.logged('another configuration is in force'),
      (lines) => lines.length === 1,
    );
    await insert([[1, topic]]);
    const [line] = await eventually(
      () => server.logged('the outbox cannot publish now; its rows are kept'),
      (lines) => lines.length > 0,
    );
    expect(line?.reason).toMatch(/token/i);
    writeFileSync(file, await bus.tokens.mint({ ...claims, ttlSeconds: 3600 }));
    await untilDrained(table);
    expect(await idsOn(topic)).toHaveLength(1);
  });

  test('a reload goes on with the rows that are left, and a server that is told to stop settles what it published', async () => {
    await using server = await startServer();
    const insertMany = () => insert(Array.from({ length: 300 }, (_, i) => [i, topic, String(i)]));
    await insertMany();
    server.write('server.yaml', configurationOf({ table, every: '60ms' }));
    await eventually(
      () => server.logged('another configuration is in force'),
      (lines) => lines.length === 1,
    );
    await insertMany();
    expect(await server.process.stop()).toEqual({ code: 0, signal: null });
    const left = (await table.query('SELECT id FROM outbox')).length;
    expect(await idsOn(topic)).toHaveLength(600 - left);
    await server.process.start();
    await untilDrained(table);
    expect(new Set(await idsOn(topic)).size).toBe(600);
    expect(await idsOn(topic)).toHaveLength(600);
  });
});
