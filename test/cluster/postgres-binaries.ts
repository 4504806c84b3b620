/**
 * PostgreSQL and PgBouncer as the machine has them: of PATH, or where Debian puts PostgreSQL's. They are not built here;
 * `npm run doctor` names the line that installs them.
 */

import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Environment } from './cache.ts';
import { findOnPath, isExecutable } from './requirements.ts';

/** Debian's folder, with one folder a major version in it. */
const DEBIAN = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'postgres'];
/** What a login shell of a system user lacks: Debian's pgbouncer lies there. */
const SYSTEM = '/usr/sbin';

/** The folder that holds `initdb` and `postgres`; of several versions the newest. */
export async function findPostgres(env: Environment): Promise<string | undefined> {
  const [initdb] = await Promise.all(NEEDED.map((name) => findOnPath(name, env)));
  if (initdb !== undefined) return join(initdb, '..');
  const versions = (await readdir(DEBIAN).catch(() => [])).sort((a, b) => Number(b) - Number(a));
  for (const version of versions) {
    const folder = join(DEBIAN, version, 'bin');
    const present = await Promise.all(NEEDED.map((name) => isExecutable(join(folder, name))));
    if (!present.includes(false)) return folder;
  }
  return undefined;
}

export async function findPgbouncer(env: Environment): Promise<string | undefined> {
  return findOnPath('pgbouncer', { ...env, PATH: `${env.PATH ?? ''}:${SYSTEM}` });
}

/** Debian's package would otherwise make a server of its own and start it. @param line Of a package manager. */
export function withoutMainCluster(line: string): string {
  const [sudo, packages] = line.split('apt-get');
  if (packages === undefined) return line;
  const file = '/etc/postgresql-common/createcluster.conf';
  const write = `echo 'create_main_cluster = false' | ${sudo}tee ${file}`;
  return `${sudo}mkdir -p ${dirname(file)} && ${write} && ${line}`;
}

export async function requirePostgres(): Promise<string> {
  const folder = await findPostgres(process.env);
  if (folder === undefined) throw new Error('PostgreSQL is not there; `npm run doctor` says how to install it');
  return folder;
}

export async function requirePgbouncer(): Promise<string> {
  const file = await findPgbouncer(process.env);
  if (file === undefined) throw new Error('PgBouncer is not there; `npm run doctor` says how to install it');
  return file;
}
