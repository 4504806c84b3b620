/**
 * PostgreSQL for one test file: one server, or a primary with a streaming standby, on free ports of 127.0.0.1.
 *
 * `stop` and `kill` keep the data and `restart` goes on with it. Signals go to the server's children too: each of them
 * leads a process group of its own.
 */

import { execFile } from 'node:child_process';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { requirePostgres } from '../cluster/postgres-binaries.ts';
import { freePorts } from './ports.ts';
import { createDatabaseWorkspace, createDataFolder, databaseUser, SUPERUSER_PASSWORD } from './postgres-template.ts';
import { type Exit, ManagedProcess } from './processes.ts';

export interface PostgresOptions {
  /** Lines of postgresql.conf. A standby must not have fewer connections than the default. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PairOptions extends PostgresOptions {
  /** Commits wait for the standby. Default false. */
  readonly synchronous?: boolean;
}

export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** Of the superuser, or of another role. */
  url(role?: { readonly user: string; readonly password: string }): string;
  /** As superuser, on a connection of its own. */
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** What it wrote so far: with `log_statement=all`, every statement. */
  log(): Promise<string>;
  /** In order, clients are cut off. */
  stop(): Promise<void>;
  /** SIGKILL to all of its processes. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; stops it before when it runs. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay, new ones are accepted by the kernel, nothing is answered. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

export interface PostgresPair extends AsyncDisposable {
  readonly primary: PostgresServer;
  readonly replica: PostgresServer;
}

const STANDBY_NAME = 'standby1';

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '16MB',
  // A killed process loses nothing by it; only a machine that loses power would notice.
  fsync: 'off',
  wal_keep_size: '64MB',
  log_statement: 'all',
  log_line_prefix: '%m [%p] %u ',
  client_connection_check_interval: '1s',
};

export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<PostgresServer> {
  const [port = 0] = await freePorts(1);
  return startServer('postgres', port, settings);
}

export async function startPostgresPair({ settings = {}, synchronous }: PairOptions = {}): Promise<PostgresPair> {
  const [port = 0, standbyPort = 0] = await freePorts(2);
  const upstream = `host=127.0.0.1 port=${port} user=postgres password='${SUPERUSER_PASSWORD}'`;
  const waits: Record<string, string> = synchronous === true ? { synchronous_standby_names: STANDBY_NAME } : {};
  const [primary, replica] = await Promise.all([
    startServer('primary', port, { ...settings, ...waits }),
    startServer('replica', standbyPort, {
      ...settings,
      primary_conninfo: `${upstream} application_name=${STANDBY_NAME}`,
      wal_retrieve_retry_interval: '100ms',
    }),
  ]);
  return {
    primary,
    replica,
    async [Symbol.asyncDispose]() {
      await Promise.all([primary[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
    },
  };
}

/** A standby when it has a `primary_conninfo`. */
async function startServer(
  name: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<PostgresServer> {
  const workspace = createDatabaseWorkspace(name);
  const data = await createDataFolder(workspace.folder);
  if (settings.primary_conninfo !== undefined) await writeFile(join(data, 'standby.signal'), '');
  const lines = Object.entries({ ...SETTINGS, port: String(port), ...settings });
  const quoted = lines.map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'\n`);
  await appendFile(join(data, 'postgresql.conf'), quoted.join(''));
  const server = createServer(name, port, {
    command: join(await requirePostgres(), 'postgres'),
    args: ['-D', data],
    workspace,
  });
  await server.restart();
  return server;
}

interface ServerProcess {
  readonly command: string;
  readonly args: readonly string[];
  readonly workspace: ReturnType<typeof createDatabaseWorkspace>;
}

function createServer(name: string, port: number, { command, args, workspace }: ServerProcess): PostgresServer {
  const url: PostgresServer['url'] = ({ user, password } = { user: 'postgres', password: SUPERUSER_PASSWORD }) =>
    `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  const query: PostgresServer['query'] = (sql, values) => queryOnce(url(), sql, values);
  const process = new ManagedProcess(
    { name, command, args, cwd: '/', user: databaseUser(), ready: async () => (await query('SELECT 1')).length === 1 },
    workspace,
  );
  const stop = async (signal: NodeJS.Signals): Promise<Exit | undefined> => {
    const { pid, exited } = process;
    if (pid === undefined) return undefined;
    // The parent first, so that it starts no new ones.
    const children = await childrenOf(pid);
    send(pid, signal);
    if (signal === 'SIGKILL') for (const child of children) send(child, signal);
    for (const each of [pid, ...children]) send(each, 'SIGCONT');
    return exited;
  };
  const toAll = async (signal: NodeJS.Signals) => {
    const { pid } = process;
    if (pid === undefined) return;
    send(pid, signal);
    for (const child of await childrenOf(pid)) send(child, signal);
  };
  return {
    port,
    url,
    query,
    log: () => process.log(),
    // A fast shutdown: SIGTERM would wait for every client to leave.
    stop: async () => void (await stop('SIGINT')),
    kill: async () => void (await stop('SIGKILL')),
    async restart() {
      await stop('SIGINT');
      await process.start();
    },
    freeze: () => toAll('SIGSTOP'),
    thaw: () => toAll('SIGCONT'),
    [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')),
  };
}

async function queryOnce(
  connectionString: string,
  sql: string,
  values: readonly unknown[] | undefined,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const answer = await (values === undefined ? client.query(sql) : client.query(sql, [...values]));
    return (Array.isArray(answer) ? answer.at(-1) : answer).rows;
  } finally {
    await client.end();
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'ppid=,pid=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([parent, child]) => (parent === pid && child !== undefined ? [child] : []));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
