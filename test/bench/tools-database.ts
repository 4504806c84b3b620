/** A context on PostgreSQL, as the runtime reads it. */
import { pino } from 'pino';
import { systemClock } from '#lib/clock.ts';
import type { ContextDeclaration } from '#sdk/server/declaration.ts';
import { NO_DATABASE_METRICS } from '../../services/context-tool/database/database-metrics.ts';
import { createPostgresDatabase } from '../../services/context-tool/database/postgres/postgres-database.ts';

/** One row by its key, as most contexts are. */
export const NUMBERS_SQL = 'SELECT quantity FROM stock WHERE sku = :sku';
export const CONNECTIONS = 8;

export function createNumbersContext(url: string): ContextDeclaration {
  const place = { file: 'bench', line: 1, column: 1, path: '' };
  const database = createPostgresDatabase(
    {
      kind: 'postgres',
      name: 'bench',
      place,
      primary: { url: { fromEnv: 'URL' } },
      replicas: [],
      maxConnections: CONNECTIONS,
      statementTimeoutMs: 5_000,
      maxLagMs: 1_000,
    },
    {
      readSecret: () => url,
      clock: systemClock,
      random: Math.random,
      log: pino({ level: 'silent' }),
      metrics: NO_DATABASE_METRICS,
    },
  );
  const statement = { database: 'bench', sql: NUMBERS_SQL, result: 'Value', place } as const;
  const read = database.context(statement, { segments: ['sku'], parameters: [] });
  database.check(new AbortController().signal).catch((error: unknown) => console.error(error));
  return { key: 'numbers:{sku}', read };
}
