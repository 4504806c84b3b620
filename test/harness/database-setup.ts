/** Runs once before the tests of databases, in the runner's main process: they need PostgreSQL and PgBouncer of the machine. */

import { requirePgbouncer, requirePostgres } from '../cluster/postgres-binaries.ts';
import { sayOnStandardError } from '../cluster/progress.ts';
import { provideTemplate } from './postgres-template.ts';

export async function setup(): Promise<void> {
  const [postgres, pgbouncer] = await Promise.all([requirePostgres(), requirePgbouncer()]);
  sayOnStandardError(`PostgreSQL of ${postgres}, ${pgbouncer}`);
  await provideTemplate();
}
