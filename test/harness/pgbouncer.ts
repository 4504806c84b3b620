/** Debian's PgBouncer before a PostgreSQL of a test, in transaction mode: each transaction may run on another connection. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { requirePgbouncer } from '../cluster/postgres-binaries.ts';
import { freePort } from './ports.ts';
import { createDatabaseWorkspace, databaseUser, SUPERUSER_PASSWORD } from './postgres-template.ts';
import { ManagedProcess } from './processes.ts';

export interface Pgbouncer extends AsyncDisposable {
  readonly port: number;
  url(role?: PgbouncerRole): string;
  /** A query through it. @throws Error while the server is away, or PgBouncer has not tried it again for this role */
  answers(role?: PgbouncerRole): Promise<boolean>;
  readonly process: ManagedProcess;
}

export interface PgbouncerRole {
  readonly user: string;
  readonly password: string;
}

export interface PgbouncerOptions {
  readonly serverPort: number;
  /** Beside the superuser. */
  readonly roles?: readonly PgbouncerRole[];
  /** Connections to the server. Default 2: fewer than there are calls. */
  readonly poolSize?: number;
}

export async function startPgbouncer({ serverPort, roles = [], poolSize = 2 }: PgbouncerOptions): Promise<Pgbouncer> {
  const port = await freePort();
  const workspace = createDatabaseWorkspace('pgbouncer');
  const superuser = { user: 'postgres', password: SUPERUSER_PASSWORD };
  const users = [superuser, ...roles].map(({ user, password }) => `"${user}" "${password}"\n`);
  const usersFile = join(workspace.folder, 'users.txt');
  await writeFile(usersFile, users.join(''), { mode: 0o644 });
  const configuration = join(workspace.folder, 'pgbouncer.ini');
  await writeFile(configuration, settings({ port, serverPort, poolSize, usersFile }), { mode: 0o644 });
  const url: Pgbouncer['url'] = ({ user, password } = superuser) =>
    `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  const process = new ManagedProcess(
    {
      name: 'pgbouncer',
      command: await requirePgbouncer(),
      args: [configuration],
      cwd: '/',
      user: databaseUser(),
      ready: () => answers(url()),
    },
    workspace,
  );
  await process.start();
  return {
    port,
    url,
    process,
    answers: (role) => answers(url(role)),
    [Symbol.asyncDispose]: async () => void (await process.kill()),
  };
}

interface Settings {
  readonly port: number;
  readonly serverPort: number;
  readonly poolSize: number;
  readonly usersFile: string;
}

function settings({ port, serverPort, poolSize, usersFile }: Settings): string {
  return [
    '[databases]',
    `postgres = host=127.0.0.1 port=${serverPort} dbname=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${usersFile}`,
    'pool_mode = transaction',
    `default_pool_size = ${poolSize}`,
    'server_login_retry = 1',
    'max_client_conn = 200',
    '',
  ].join('\n');
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end();
  }
}
