/**
 * SQLite behind contexts and tools. A context's statement runs on a read-only connection, a tool's on the one that writes, in
 * a transaction with the answer that is kept for its idempotency key.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { withDeadline } from '#lib/time-limit.ts';
import type { Call, ContextAnswer, ContextDeclaration, ToolAnswer, ToolDeclaration } from '#sdk/server/declaration.ts';
import type { OutboxConfig, SqliteConfig, StatementConfig, ToolStatementConfig } from '../../config/runtime-config.ts';
import type { Checked, Database, StatementNames } from '../database.ts';
import { counted, type DatabaseMeter, type DatabaseMetrics, NO_DATABASE_METRICS } from '../database-metrics.ts';
import { DONE_STATEMENT, FAILED_STATEMENT, type OutboxTable, TAKE_STATEMENT } from '../outbox-table.ts';
import { bindValues } from './bind-values.ts';
import { checkStatements } from './check-statements.ts';
import type { RunOptions } from './child-lane.ts';
import type { SqlValue, WriteAnswer } from './messages.ts';
import { sqliteOutbox } from './outbox.ts';
import type { OpenFile, SqliteFiles } from './sqlite-files.ts';
import { createStatement, type SqliteStatement, type StatementOptions } from './sqlite-statement.ts';

export interface OpenSqliteOptions {
  /** Of this process: databases with one file share it. */
  readonly files: SqliteFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: nothing is counted. */
  readonly metrics?: DatabaseMetrics;
}

/** Opens nothing yet: `check` does. */
export function openSqlite(config: SqliteConfig, options: OpenSqliteOptions): Database {
  return new SqliteDatabase(config, options);
}

/** Of the time that a statement has: for another process that holds a lock. The rest is for running. */
const BUSY_PART = 0.5;

class SqliteDatabase implements Database {
  readonly #config: SqliteConfig;
  readonly #options: OpenSqliteOptions;
  readonly #open: OpenFile;
  readonly #meter: DatabaseMeter;
  readonly #statements: SqliteStatement[] = [];

  constructor(config: SqliteConfig, options: OpenSqliteOptions) {
    this.#config = config;
    this.#options = { ...options, log: options.log.child({ database: config.name }) };
    this.#open = options.files.open(config.file, config.init);
    this.#meter = (options.metrics ?? NO_DATABASE_METRICS).forDatabase(config.name);
    this.#meter.watch(() => this.#open.file.states());
  }

  context(config: StatementConfig, names: StatementNames): ContextDeclaration['read'] {
    const statement = this.#add(config, { access: 'read', names });
    return ({ segments, parameters }, call) =>
      counted(this.#meter, 'context', async (): Promise<ContextAnswer> => {
        const values = bindValues(statement.namesOrThrow(), [segments, parameters]);
        const request = { kind: 'read', ...this.#common(statement, values) } as const;
        const lane = this.#open.file.lane('read');
        const { content, contentType } = await this.#within(call, (bounds) => lane.run<'read'>(request, bounds));
        return { content: asBuffer(content), contentType };
      });
  }

  tool(config: ToolStatementConfig, names: StatementNames): ToolDeclaration['run'] {
    const statement = this.#add(config, { access: 'write', names });
    return (args, call) =>
      counted(this.#meter, 'tool', async (): Promise<ToolAnswer> => {
        const values = bindValues(statement.namesOrThrow(), [args]);
        const nowMs = this.#options.clock.nowMs();
        const request = { kind: 'write', keyed: call.keyed, nowMs, ...this.#common(statement, values) } as const;
        const lane = this.#open.file.lane('write');
        return toToolAnswer(await this.#within(call, (bounds) => lane.run<'write'>(request, bounds)));
      });
  }

  outbox({ take, done, failed }: OutboxConfig): OutboxTable {
    const { statementTimeoutMs } = this.#config;
    return sqliteOutbox({
      file: this.#open.file,
      take: this.#add(take, { access: 'read', names: TAKE_STATEMENT, isTake: true }),
      done: this.#add(done, { access: 'write', names: DONE_STATEMENT }),
      failed: failed && this.#add(failed, { access: 'write', names: FAILED_STATEMENT }),
      statementTimeoutMs,
      busyMs: Math.round(statementTimeoutMs * BUSY_PART),
    });
  }

  check(signal: AbortSignal): Promise<Checked> {
    const { file } = this.#open;
    return checkStatements({ ...this.#options, file, config: this.#config, statements: this.#statements, signal });
  }

  async close(): Promise<void> {
    await this.#open.release();
    this.#meter.end();
  }

  #add(config: StatementConfig, options: StatementOptions): SqliteStatement {
    const statement = createStatement(config, options);
    this.#statements.push(statement);
    return statement;
  }

  #common({ sql, config }: SqliteStatement, values: readonly SqlValue[]) {
    const busyMs = Math.round(this.#config.statementTimeoutMs * BUSY_PART);
    return { sql, values, result: config.result, busyMs };
  }

  /** The shortest of the caller's deadline and the statement's time holds, and is named. */
  #within<T>({ signal, deadlineMs }: Call, run: (bounds: RunOptions) => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const timeoutMs = Math.max(0, Math.min(deadlineMs - clock.nowMs(), LONGEST_MS));
    return withDeadline({ clock, timeoutMs, signal, onTimeout: deadlineExceeded }, (limit) =>
      run({ timeoutMs: this.#config.statementTimeoutMs, signal: limit, onEnded: () => this.#meter.cancelled() }),
    );
  }
}

/** What setTimeout takes. */
const LONGEST_MS = 2 ** 31 - 1;

function deadlineExceeded(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', 'the deadline passed before the database had answered');
}

function toToolAnswer(answer: WriteAnswer): ToolAnswer {
  if (!answer.success) return answer;
  const outputs = Object.fromEntries(answer.outputs.map(([name, text]) => [name, Buffer.from(text)]));
  return answer.structured === undefined
    ? { success: true, outputs }
    : { success: true, outputs, structured: Buffer.from(answer.structured) };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
