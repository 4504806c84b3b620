/** Servers with an outbox as pods run them, on every engine with the table of docs/context-tool.md, and what became of its rows. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { type ContextToolProcess, startContextTool } from '../harness/context-tool-process.ts';
import type { BusProcess, TestBus } from '../harness/event-bus.ts';
import type { Envelope } from '../harness/event-reader.ts';
import { eventually } from '../harness/eventually.ts';
import { startPgbouncer } from '../harness/pgbouncer.ts';
import { startPostgres } from '../harness/postgres.ts';
import { createWorkspace } from '../harness/processes.ts';
import type { Row } from './outbox-fixture.ts';

export interface TableUnderTest extends AsyncDisposable {
  /** The database's section of a configuration. */
  readonly yaml: string;
  readonly env: Readonly<Record<string, string>>;
  query(sql: string): Promise<readonly Row[]>;
  /** Rows that can be taken, and not deleted. @returns ends that */
  insertHeld(sql: string): Promise<() => Promise<void>>;
}

const SQL_FOLDER = join(import.meta.dirname, '../../services/context-tool/database');
const readSql = (engine: string) => readFileSync(join(SQL_FOLDER, engine, 'outbox.sql'), 'utf8');

const HELD = 42;
const HOLD_DELETES = `
  CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(${HELD}); RETURN OLD; END $$;
  CREATE TRIGGER hold BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION hold()`;

export const TABLES = {
  SQLite: startSqliteTable,
  PostgreSQL: () => startPostgresTable('directly'),
  'PostgreSQL behind PgBouncer': () => startPostgresTable('pgbouncer'),
} as const;

async function startSqliteTable(): Promise<TableUnderTest> {
  const file = join(createWorkspace('outbox').folder, 'stock.db');
  const sqlite = new DatabaseSync(file, { timeout: 10_000 });
  sqlite.exec(`PRAGMA journal_mode = WAL; ${readSql('sqlite')}`);
  return {
    yaml: `sqlite: {file: ${file}}`,
    env: {},
    query: async (sql) => sqlite.prepare(sql).all() as Row[],
    async insertHeld(sql) {
      // In one go: nobody else comes in between.
      sqlite.exec(`${sql}; BEGIN IMMEDIATE`);
      return async () => sqlite.exec('COMMIT');
    },
    [Symbol.asyncDispose]: async () => sqlite.close(),
  };
}

async function startPostgresTable(through: 'directly' | 'pgbouncer'): Promise<TableUnderTest> {
  const server = await startPostgres();
  await server.query(readSql('postgres'));
  const pooler = through === 'directly' ? undefined : await startPgbouncer({ serverPort: server.port });
  const client = new pg.Pool({ connectionString: server.url(), max: 8 });
  return {
    yaml: 'postgres: {primary: {url: {fromEnv: STOCK_URL}}}',
    env: { STOCK_URL: (pooler ?? server).url() },
    query: async (sql) => (await client.query<Row>(sql)).rows,
    async insertHeld(sql) {
      const holder = await client.connect();
      await holder.query(`BEGIN; SELECT pg_advisory_xact_lock(${HELD})`);
      await client.query(HOLD_DELETES);
      await client.query(sql);
      return async () => {
        await holder.query('COMMIT');
        holder.release();
      };
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await pooler?.[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export interface OutboxServerOptions {
  readonly table: TableUnderTest;
  readonly bus: TestBus;
  /** Whether rows that are refused are set aside. Default true. */
  readonly setsAside?: boolean;
  readonly every?: string;
  /** Rights of its token. Default: every topic of stock. */
  readonly rights?: readonly string[];
}

export function configurationOf({ table, setsAside = true, every = '50ms' }: Omit<OutboxServerOptions, 'bus'>): string {
  return `server: {name: Stock, version: 1.0.0}
databases:
  stock:
    ${table.yaml}
events:
  - database: stock
    topics: ["stock:*"]
    every: ${every}
    take: SELECT id, topic, payload, content_type, traceparent FROM outbox WHERE failure IS NULL ORDER BY id LIMIT :limit
    done: DELETE FROM outbox WHERE id = :id
${setsAside ? '    failed: UPDATE outbox SET failure = :reason WHERE id = :id\n' : ''}`;
}

export async function startOutboxServer(options: OutboxServerOptions): Promise<ContextToolProcess> {
  const { table, bus, rights = ['event:publish:stock:*'] } = options;
  const tokenFile = join(createWorkspace('token').folder, 'token');
  const claims = { aud: ['EventBusServer'], sub: 'default.Stock', capabilities: rights, ttlSeconds: 3600 };
  writeFileSync(tokenFile, await bus.tokens.mint(claims), { mode: 0o600 });
  return startContextTool({
    files: { 'server.yaml': configurationOf(options) },
    env: { ...table.env, MCP2_EVENT_BUS_ADDRESS: bus.target, MCP2_TOKEN_FILE: tokenFile },
  });
}

/** @returns when every row is gone */
export async function untilDrained({ query }: TableUnderTest): Promise<void> {
  const count = async () => Number((await query('SELECT count(*) AS rows FROM outbox WHERE failure IS NULL'))[0]?.rows);
  await eventually(count, (rows) => rows === 0, { timeoutMs: 60_000, what: 'an empty outbox' });
}

/** All events of stock, from the beginning of the log. */
export async function eventsOf(bus: TestBus | BusProcess, count: number): Promise<readonly Envelope[]> {
  const caller = await bus.caller({ sub: 'default.reader' });
  await using reader = caller.subscribe('stock:*', { start: 1, idle_heartbeat_ms: 200 });
  await reader.until(() => reader.events.length >= count, `${count} events`);
  // What is behind them would be one too many.
  await reader.follows();
  return reader.events;
}
