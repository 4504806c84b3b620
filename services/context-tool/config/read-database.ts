/** The databases of a configuration. */
import { isAbsolute } from 'node:path';
import { quoted } from '#lib/printable.ts';
import type { Segments } from '#lib/schema/schema.ts';
import { isWritable, pathBelow } from './file-paths.ts';
import { limited } from './limits.ts';
import { milliseconds } from './quantities.ts';
import { locateFile, locateSecret, type Reading } from './reading.ts';
import type {
  DatabaseConfig,
  PostgresConfig,
  PostgresMember,
  SecretReference,
  SqliteConfig,
} from './runtime-config.ts';

/** As the format has it. */
export type RawDatabase = { readonly postgres: RawPostgres } | { readonly sqlite: RawSqlite };

interface RawPostgres {
  readonly primary: { readonly url: SecretReference };
  readonly replicas?: readonly { readonly url: SecretReference }[];
  readonly pool?: { readonly max: number };
  readonly statementTimeout?: string;
  readonly maxLag?: string;
}

interface RawSqlite {
  readonly file: string;
  readonly init?: readonly string[];
  readonly statementTimeout?: string;
}

const MINUTE_MS = 60_000;

/** @returns undefined after a problem was added */
export function readDatabase(reading: Reading, name: string, raw: RawDatabase): DatabaseConfig | undefined {
  return 'postgres' in raw ? readPostgres(reading, name, raw.postgres) : readSqlite(reading, name, raw.sqlite);
}

function readPostgres(reading: Reading, name: string, raw: RawPostgres): PostgresConfig | undefined {
  const at = ['databases', name, 'postgres'];
  const member = ({ url }: { url: SecretReference }, segments: Segments): PostgresMember | undefined => {
    const located = locateSecret(reading, [...segments, 'url'], url);
    return located && { url: located };
  };
  const primary = member(raw.primary, [...at, 'primary']);
  const replicas = (raw.replicas ?? []).map((one, index) => member(one, [...at, 'replicas', index]));
  const statementTimeoutMs = readStatementTimeout(reading, at, raw.statementTimeout);
  const maxLagMs = limited(reading, [...at, 'maxLag'], milliseconds(raw.maxLag ?? '1s'), [
    1,
    60 * MINUTE_MS,
    '1ms to 1h',
  ]);
  if (primary === undefined) return undefined;
  return {
    kind: 'postgres',
    name,
    place: reading.document.place(at),
    primary,
    replicas: replicas.flatMap((one) => one ?? []),
    maxConnections: raw.pool?.max ?? 10,
    statementTimeoutMs,
    maxLagMs,
  };
}

function readSqlite(reading: Reading, name: string, raw: RawSqlite): SqliteConfig | undefined {
  const at = ['databases', name, 'sqlite'];
  const file = locateDatabase(reading, [...at, 'file'], raw.file);
  const init = (raw.init ?? []).map((path, index) => locateFile(reading, [...at, 'init', index], path));
  const statementTimeoutMs = readStatementTimeout(reading, at, raw.statementTimeout);
  if (file === undefined) return undefined;
  const place = reading.document.place(at);
  return { kind: 'sqlite', name, place, file, init: init.flatMap((path) => path ?? []), statementTimeoutMs };
}

function readStatementTimeout(reading: Reading, at: Segments, written: string | undefined): number {
  const ms = milliseconds(written ?? '5s');
  return limited(reading, [...at, 'statementTimeout'], ms, [1, 10 * MINUTE_MS, '1ms to 10m']);
}

function locateDatabase(
  { document, folder, sqlite }: Reading,
  segments: Segments,
  written: string,
): string | undefined {
  const problem = (message: string) => {
    document.add(segments, message);
    return undefined;
  };
  if (typeof sqlite === 'object') {
    if (isAbsolute(written))
      return problem(`mcp2 up keeps databases in its state folder; write a relative path, not ${quoted(written)}`);
    const found = pathBelow(sqlite.below, written);
    return found.problem === undefined ? found.ok : problem(found.problem);
  }
  if (sqlite === 'unchecked') return isAbsolute(written) ? written : orProblem(pathBelow(folder, written), problem);
  if (!isAbsolute(written))
    return problem(
      `write an absolute path; only in mcp2 up a relative one counts from the state folder, not here: ${quoted(written)}`,
    );
  if (isWritable(written)) return written;
  return problem(
    `the folder of ${quoted(written)} is not there, or this user may not write into it; SQLite keeps files beside the database`,
  );
}

function orProblem(found: ReturnType<typeof pathBelow>, problem: (message: string) => undefined): string | undefined {
  return found.problem === undefined ? found.ok : problem(found.problem);
}
