/** The product's PostgreSQL database over a server of the harness. */

import { systemClock } from '#lib/clock.ts';
import { type Logger, silentLogger } from '#lib/logger.ts';
import type { PostgresConfig } from '../../services/context-tool/config/runtime-config.ts';
import type { Database } from '../../services/context-tool/database/database.ts';
import { type DatabaseMetrics, NO_DATABASE_METRICS } from '../../services/context-tool/database/database-metrics.ts';
import { createPostgresDatabase } from '../../services/context-tool/database/postgres/postgres-database.ts';
import { PLACE } from './contract/engine.ts';

export interface OpenOptions extends Partial<Omit<PostgresConfig, 'kind' | 'primary' | 'replicas'>> {
  readonly primary: string;
  readonly replicas?: readonly string[];
  readonly log?: Logger;
  readonly metrics?: DatabaseMetrics;
}

export interface OpenDatabase extends Database, AsyncDisposable {}

/** Closed at the end of its block. */
export function openPostgres(options: OpenOptions): OpenDatabase {
  const { primary, replicas = [], log = silentLogger, metrics = NO_DATABASE_METRICS, ...config } = options;
  const urls = new Map([primary, ...replicas].map((url, i) => [`URL_${i}`, url]));
  const [first = { url: { fromEnv: '' } }, ...others] = [...urls.keys()].map((fromEnv) => ({ url: { fromEnv } }));
  const database = createPostgresDatabase(
    {
      name: 'db',
      place: PLACE,
      maxConnections: 4,
      statementTimeoutMs: 5_000,
      maxLagMs: 1_000,
      ...config,
      kind: 'postgres',
      primary: first,
      replicas: others,
    },
    {
      readSecret: (reference) => urls.get('fromEnv' in reference ? reference.fromEnv : '') ?? '',
      clock: systemClock,
      random: Math.random,
      log,
      metrics,
    },
  );
  return Object.assign(database, { [Symbol.asyncDispose]: () => database.close() });
}
