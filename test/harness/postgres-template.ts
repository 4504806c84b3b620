/**
 * A data folder of PostgreSQL that no server has used yet: `initdb` takes a second, a copy a tenth of it, and a copy with
 * `standby.signal` in it is a standby of any other copy.
 *
 * PostgreSQL refuses to run as root, so tests that do run it as "nobody".
 */

import { execFile } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requirePostgres } from '../cluster/postgres-binaries.ts';
import { createWorkspace, type ProcessUser, type Workspace } from './processes.ts';

/** Of the superuser "postgres" of every test server. */
export const SUPERUSER_PASSWORD = 'made for tests';

const NOBODY: ProcessUser = { uid: 65_534, gid: 65_534 };

/** Who runs PostgreSQL and PgBouncer; undefined: who runs the tests. */
export function databaseUser(): ProcessUser | undefined {
  return process.getuid?.() === 0 ? NOBODY : undefined;
}

/** A folder that belongs to the database's user. */
export function createDatabaseWorkspace(name: string): Workspace {
  const workspace = createWorkspace(name);
  const user = databaseUser();
  if (user !== undefined) chownSync(workspace.folder, user.uid, user.gid);
  return workspace;
}

/** Where the test workers find the data folder that initdb has made; by the environment, since benchmarks have no workers. */
const TEMPLATE = 'MCP2_TEST_POSTGRES_TEMPLATE';

/** For a global setup: makes it once for all files of a run. */
export async function provideTemplate(): Promise<void> {
  process.env[TEMPLATE] = await initialize(createDatabaseWorkspace('postgres-template').folder);
}

/** A data folder of one's own in `folder`. */
export async function createDataFolder(folder: string): Promise<string> {
  const template = process.env[TEMPLATE];
  if (template === undefined) return initialize(folder);
  const data = join(folder, 'data');
  await runAsDatabaseUser('cp', ['-Rp', template, data]);
  return data;
}

async function initialize(folder: string): Promise<string> {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, SUPERUSER_PASSWORD, { mode: 0o644 });
  const data = join(folder, 'data');
  const args = ['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`];
  const initdb = join(await requirePostgres(), 'initdb');
  await runAsDatabaseUser(initdb, [...args, '-A', 'scram-sha-256', '-E', 'UTF8', '--no-locale', '--no-sync']);
  return data;
}

async function runAsDatabaseUser(command: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(command, [...args], { cwd: '/', ...databaseUser() });
}
