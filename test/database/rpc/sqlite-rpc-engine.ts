/** SQLite behind the RPCs. */
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startRuntime, type TestRuntime } from '../../harness/context-tool-runtime.ts';
import { eventually } from '../../harness/eventually.ts';
import { createWorkspace } from '../../harness/processes.ts';
import { ENDLESS, TABLES } from '../contract/tables.ts';
import { isBusy, sqliteProcesses, untilItWaits } from '../sqlite-processes.ts';
import { configurationOf, MORE_TABLES } from './configuration.ts';
import type { RpcEngine } from './rpc-engine.ts';

/** Readers of one file, and the calls that wait for them. */
const CAPACITY = 2 + 64;

const WORDS = {
  databases: `
  stock: {sqlite: {file: stock.db, init: [schema.sql], statementTimeout: 1s}}
  patient: {sqlite: {file: stock.db, init: [schema.sql], statementTimeout: 1m}}
  paced: {sqlite: {file: paced.db, statementTimeout: 1m}}`,
  endless: `(${ENDLESS})`,
  longText: "replace(hex(zeroblob(:size / 2)), '0', 'x')",
};

export async function startSqliteRpc(): Promise<RpcEngine> {
  const { folder } = createWorkspace('sqlite-rpc');
  mkdirSync(join(folder, 'state'), { mode: 0o700 });
  const [stock, paced, away] = ['stock', 'paced', 'away'].map((name) => join(folder, 'state', `${name}.db`));
  if (stock === undefined || paced === undefined || away === undefined) throw new Error('three files');
  makePaced(paced);
  const runtime = await startRuntime({
    folder,
    files: {
      'server.yaml': configurationOf(WORDS),
      'schema.sql': `${[...TABLES, ...MORE_TABLES].join(';\n')};`,
    },
  });
  return {
    kind: 'sqlite',
    runtime,
    metadata: [],
    factsOfAbsence: {},
    capacity: CAPACITY,
    async query(sql) {
      using sqlite = new DatabaseSync(stock, { timeout: 5_000 });
      return sqlite.prepare(sql).all();
    },
    statements: statementsOf(runtime),
    running: async () => sqliteProcesses(stock).filter(isBusy).length,
    stop: async () => move(stock, away),
    start: async () => move(away, stock),
    breakCommit: (pay) => breakCommit(paced, pay),
    dispose: async () => runtime[Symbol.asyncDispose](),
  };
}

function makePaced(file: string): void {
  using sqlite = new DatabaseSync(file);
  sqlite.exec("CREATE TABLE payments (id text PRIMARY KEY); INSERT INTO payments VALUES ('a'), ('b')");
}

async function breakCommit(file: string, pay: () => Promise<unknown>): Promise<unknown> {
  const endAll = () => {
    for (const { pid } of sqliteProcesses(file)) process.kill(pid, 'SIGKILL');
  };
  endAll();
  using sqlite = new DatabaseSync(file);
  // Without a write-ahead log, to which the runtime would change again if nobody read, a commit waits for whoever reads.
  await eventually(
    () => sqlite.exec('PRAGMA journal_mode = DELETE'),
    () => true,
  );
  const rows = sqlite.prepare('SELECT id FROM payments').iterate();
  rows.next();
  const failure = pay().then(
    () => new Error('answered instead of broken'),
    (error: unknown) => error,
  );
  await untilItWaits(file);
  endAll();
  const ended = await failure;
  rows.return?.();
  return ended;
}

/** What was compiled; the runtime says so in its log. */
function statementsOf({ log }: TestRuntime): RpcEngine['statements'] {
  let seen = 0;
  return async () => {
    const fresh = log.slice(seen);
    seen = log.length;
    return fresh.flatMap(({ msg, sql }) => (msg === 'statement compiled' ? [String(sql)] : []));
  };
}

/** With its log, which the last one to close it takes away. */
function move(from: string, to: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    const isThere = statSync(`${from}${suffix}`, { throwIfNoEntry: false }) !== undefined;
    if (isThere) renameSync(`${from}${suffix}`, `${to}${suffix}`);
  }
}
