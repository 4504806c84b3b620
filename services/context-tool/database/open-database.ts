/** Which engine a database of the configuration is. */
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { DatabaseConfig } from '../config/runtime-config.ts';
import type { Secrets } from '../config/secrets.ts';
import type { Database } from './database.ts';
import { createDatabaseMetrics } from './database-metrics.ts';
import { createPostgresDatabase } from './postgres/postgres-database.ts';
import { openSqlite } from './sqlite/open-sqlite.ts';
import type { SqliteFiles } from './sqlite/sqlite-files.ts';

export interface OpenDatabaseOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly metrics: Registry;
  readonly secrets: Secrets;
  readonly sqliteFiles: SqliteFiles;
}

export function createOpenDatabase(options: OpenDatabaseOptions): (config: DatabaseConfig) => Database {
  const { clock, log, random, secrets, sqliteFiles } = options;
  const metrics = createDatabaseMetrics(options.metrics);
  return (config) => {
    if (config.kind === 'sqlite') return openSqlite(config, { files: sqliteFiles, clock, log, metrics });
    return createPostgresDatabase(config, { clock, log, random, metrics, readSecret: secrets.read });
  };
}
