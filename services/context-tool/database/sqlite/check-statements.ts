/** The look at a database when a configuration is loaded: the file, its init scripts, every statement. */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { abortable, withDeadline } from '#lib/time-limit.ts';
import type { Problem, SqliteConfig } from '../../config/runtime-config.ts';
import type { Checked } from '../database.ts';
import type { Access } from './messages.ts';
import type { Prepared, SqliteFile } from './sqlite-file.ts';
import type { SqliteStatement } from './sqlite-statement.ts';

export interface CheckOptions {
  readonly file: SqliteFile;
  readonly config: SqliteConfig;
  readonly statements: readonly SqliteStatement[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** A start or a reload waits no longer. */
const CHECK_MS = 5_000;

/** Never rejects for what the database does. */
export async function checkStatements(options: CheckOptions): Promise<Checked> {
  const ofText = options.statements.flatMap(({ textProblems }) => textProblems);
  const ofDatabase = await askDatabase(options);
  if (ofDatabase === 'unreachable') return ofText.length === 0 ? ofDatabase : ofText;
  return [...ofText, ...ofDatabase];
}

async function askDatabase(options: CheckOptions): Promise<Checked> {
  const { clock, signal } = options;
  const onTimeout = () => new Error('the database did not answer in time');
  try {
    return await withDeadline({ clock, timeoutMs: CHECK_MS, signal, onTimeout }, (limit) => check(options, limit));
  } catch (error) {
    options.log.warn({ err: error }, 'the database could not be checked');
    return 'unreachable';
  }
}

async function check(options: CheckOptions, limit: AbortSignal): Promise<Checked> {
  const { file, config } = options;
  // When time is up the making goes on: the next look finds it done.
  const prepared = await abortable(file.prepare(), limit);
  const fault = toChecked(prepared, config);
  if (fault !== undefined) return fault;
  const found = await Promise.all((['read', 'write'] as const).map((access) => checkAll(options, access, limit)));
  return found.flat();
}

async function checkAll(options: CheckOptions, access: Access, signal: AbortSignal): Promise<Problem[]> {
  const statements = options.statements.filter(
    (statement) => statement.access === access && statement.textProblems.length === 0,
  );
  if (statements.length === 0) return [];
  const request = { kind: 'check', statements: statements.map(({ sql }) => sql), busyMs: CHECK_MS / 2 } as const;
  try {
    const descriptions = await options.file.lane(access).run<'check'>(request, { timeoutMs: CHECK_MS, signal });
    return statements.flatMap((statement, index) => {
      const description = descriptions[index];
      return description === undefined ? [] : statement.judge(description);
    });
  } catch (error) {
    const message = aboutTheFile(error);
    if (message === undefined) throw error;
    return [{ ...options.config.place, message: `${options.config.file} ${message}` }];
  }
}

/** What waiting does not mend: no database, a damaged one, a table of ours that somebody else made. */
function aboutTheFile(error: unknown): string | undefined {
  if (!(error instanceof ServiceError)) return undefined;
  const code = error.metadata.sqlite_code;
  if (code === 'SQLITE_NOTADB') return 'is no SQLite database: name another file';
  if (code === 'SQLITE_CORRUPT') return 'is damaged: put a backup in its place';
  if (error.reason !== 'BACKEND_REFUSED') return undefined;
  return `has a table "mcp2_idempotency" that mcp2 has not made (${code}): rename it`;
}

function toChecked(prepared: Prepared, { place }: SqliteConfig): Checked | undefined {
  if (prepared === 'ready') return undefined;
  if (prepared === 'unreachable') return 'unreachable';
  return 'file' in prepared ? [{ ...prepared, path: place.path }] : [{ ...place, ...prepared }];
}
