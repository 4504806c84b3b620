/** PostgreSQL as an engine of the contract: a primary with a standby, directly or through PgBouncer. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../harness/eventually.ts';
import { startPgbouncer } from '../harness/pgbouncer.ts';
import { type PostgresPair, startPostgresPair } from '../harness/postgres.ts';
import type { EngineUnderTest } from './contract/engine.ts';
import { TABLES } from './contract/tables.ts';
import { type OpenDatabase, openPostgres } from './postgres-fixture.ts';

const SQL_FOLDER = join(import.meta.dirname, '..', '..', 'services', 'context-tool', 'database', 'postgres');

/** "idempotency.sql", "reader-role.sql": what an owner runs. */
export function readSqlFile(name: string): Promise<string> {
  return readFile(join(SQL_FOLDER, name), 'utf8');
}

export async function startPostgresEngine(through: 'directly' | 'pgbouncer'): Promise<EngineUnderTest> {
  const pair = await startPostgresPair();
  const open: OpenDatabase[] = [];
  await makeTables(pair);
  const poolers =
    through === 'directly'
      ? []
      : await Promise.all([pair.primary, pair.replica].map(({ port }) => startPgbouncer({ serverPort: port })));
  const [primary = '', replica = ''] =
    poolers.length > 0 ? poolers.map((each) => each.url()) : [pair.primary.url(), pair.replica.url()];
  return {
    kind: 'postgres',
    open() {
      const database = openPostgres({ primary, replicas: [replica], statementTimeoutMs: 2_000, maxLagMs: 5_000 });
      open.push(database);
      return database;
    },
    query: (sql) => pair.primary.query(sql),
    async dispose() {
      await Promise.all(open.map((database) => database.close()));
      await Promise.all([...poolers, pair].map((part) => part[Symbol.asyncDispose]()));
    },
  };
}

/** @returns when the standby has them too */
async function makeTables({ primary, replica }: PostgresPair): Promise<void> {
  for (const sql of [await readSqlFile('idempotency.sql'), ...TABLES]) await primary.query(sql);
  await eventually(
    () => replica.query('SELECT count(*) AS rows FROM numbers'),
    ([first]) => first?.rows === '1500',
  );
}
