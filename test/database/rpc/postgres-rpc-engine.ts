/** PostgreSQL behind the RPCs: a primary with a streaming standby, directly or through PgBouncer. */
import { expect } from 'vitest';
import { startRuntime } from '../../harness/context-tool-runtime.ts';
import { eventually } from '../../harness/eventually.ts';
import { startPgbouncer } from '../../harness/pgbouncer.ts';
import { type PostgresPair, type PostgresServer, startPostgresPair } from '../../harness/postgres.ts';
import { TABLES } from '../contract/tables.ts';
import { readSqlFile } from '../postgres-engine.ts';
import { completeLog, statementsIn } from '../statement-log.ts';
import { configurationOf, MORE_TABLES } from './configuration.ts';
import type { RpcEngine } from './rpc-engine.ts';

/** As whom the runtime asks. */
const RUNTIME = { user: 'runtime', password: 'of the runtime' };

/** A commit that takes as long as the table `pace` says. */
const PACED_COMMIT = [
  'CREATE TABLE pace (seconds float8)',
  'INSERT INTO pace VALUES (0)',
  'CREATE TABLE payments (id text PRIMARY KEY)',
  `CREATE FUNCTION wait_a_while() RETURNS trigger LANGUAGE plpgsql AS
   $$ BEGIN PERFORM pg_sleep(seconds) FROM pace; RETURN NULL; END $$`,
  `CREATE CONSTRAINT TRIGGER paced AFTER INSERT ON payments DEFERRABLE INITIALLY DEFERRED
   FOR EACH ROW EXECUTE FUNCTION wait_a_while()`,
];
const RIGHTS = [
  `CREATE ROLE runtime LOGIN PASSWORD '${RUNTIME.password}'`,
  'GRANT ALL ON ALL TABLES IN SCHEMA public TO runtime',
  'REVOKE ALL ON secrets FROM runtime',
  'CREATE TABLE everything_is_made ()',
];

const MAX_CONNECTIONS = 2;
const database = (name: string, statementTimeout: string) => `
  ${name}:
    postgres:
      primary: {url: {fromEnv: PRIMARY_URL}}
      replicas: [{url: {fromEnv: REPLICA_URL}}]
      pool: {max: ${MAX_CONNECTIONS}}
      statementTimeout: ${statementTimeout}
      maxLag: 5s`;

const WORDS = {
  databases: [database('stock', '1s'), database('patient', '1m'), database('paced', '1m')].join(''),
  endless: '(SELECT count(*) FROM pg_sleep(60))',
  longText: "repeat('x', CAST(:size AS integer))",
};

export async function startPostgresRpc(through: 'directly' | 'pgbouncer'): Promise<RpcEngine> {
  const pair = await startPostgresPair();
  await fill(pair);
  const servers = [pair.primary, pair.replica];
  const poolers =
    through === 'directly'
      ? []
      : await Promise.all(
          servers.map(({ port }) => startPgbouncer({ serverPort: port, roles: [RUNTIME], poolSize: 4 })),
        );
  const [PRIMARY_URL = '', REPLICA_URL = ''] = (poolers.length > 0 ? poolers : servers).map((each) =>
    each.url(RUNTIME),
  );
  const runtime = await startRuntime({
    files: { 'server.yaml': configurationOf(WORDS) },
    env: { PRIMARY_URL, REPLICA_URL },
  });
  const engine: RpcEngine = {
    kind: 'postgres',
    runtime,
    metadata: ['source:replica'],
    factsOfAbsence: through === 'directly' ? {} : expect.toBeOneOf([{}, { sqlstate: '08P01' }]),
    capacity: MAX_CONNECTIONS + 10 * MAX_CONNECTIONS,
    query: (sql) => pair.primary.query(sql),
    statements: statementsOf(servers),
    async running() {
      const found = await Promise.all(servers.map((server) => server.query(RUNNING)));
      return found.flat().length;
    },
    stop: async () => void (await Promise.all(servers.map((server) => server.kill()))),
    async start() {
      await Promise.all(servers.map((server) => server.restart()));
      // PgBouncer does not try a server again at once.
      await Promise.all(poolers.map(({ answers }) => eventually(() => answers(RUNTIME), Boolean)));
    },
    breakCommit: (pay) => breakCommit(pair.primary, pay),
    async dispose() {
      await runtime[Symbol.asyncDispose]();
      await Promise.all([...poolers, pair].map((part) => part[Symbol.asyncDispose]()));
    },
  };
  await untilFromReplica(engine);
  return engine;
}

const RUNNING = `SELECT pid FROM pg_stat_activity
  WHERE usename = '${RUNTIME.user}' AND state = 'active' AND query LIKE '%pg_sleep%'`;

/** Resolves when the standby has everything, too. */
async function fill({ primary, replica }: PostgresPair): Promise<void> {
  const texts = [await readSqlFile('idempotency.sql'), ...TABLES, ...MORE_TABLES, ...PACED_COMMIT, ...RIGHTS];
  for (const sql of texts) await primary.query(sql);
  await eventually(
    () => replica.query('SELECT 1 FROM everything_is_made'),
    (rows) => rows.length === 0,
  );
}

/** The probes have heard of it. */
export async function untilFromReplica({ runtime, metadata }: RpcEngine): Promise<void> {
  await eventually(
    async () => (await runtime.calls.request('stock:fig:count')).metadata.join(),
    (seen) => seen === metadata.join(),
  );
}

function statementsOf(servers: readonly PostgresServer[]): RpcEngine['statements'] {
  const seen = servers.map(() => 0);
  return async () => {
    const logs = await Promise.all(servers.map(completeLog));
    return logs.flatMap((log, i) => {
      const all = statementsIn(log, RUNTIME.user);
      const fresh = all.slice(seen[i]);
      seen[i] = all.length;
      return fresh;
    });
  };
}

async function breakCommit(primary: PostgresServer, pay: () => Promise<unknown>): Promise<unknown> {
  await primary.query('UPDATE pace SET seconds = 60');
  const failure = pay().then(
    () => new Error('answered instead of broken'),
    (error: unknown) => error,
  );
  const [found] = await eventually(
    () => primary.query("SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'"),
    (rows) => rows.length === 1,
  );
  await primary.query(`SELECT pg_terminate_backend(${Number(found?.pid)})`);
  await primary.query('UPDATE pace SET seconds = 0');
  return failure;
}
