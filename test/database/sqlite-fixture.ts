/** A SQLite database of a test's own: a folder, the files of one process, and calls as the core makes them. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ToolAnswer, ToolCall } from '../../sdk/server/declaration.ts';
import type { Problem, SqliteConfig, StatementConfig } from '../../services/context-tool/config/runtime-config.ts';
import type { Database, StatementNames } from '../../services/context-tool/database/database.ts';
import { isSqlProblem, readSqlText } from '../../services/context-tool/database/sql-text.ts';
import { openSqlite } from '../../services/context-tool/database/sqlite/open-sqlite.ts';
import { SqliteFiles } from '../../services/context-tool/database/sqlite/sqlite-files.ts';
import { systemClock } from '../../services/lib/clock.ts';
import { type Logger, silentLogger } from '../../services/lib/logger.ts';

export const PLACE = { file: 'server.yaml', line: 10, column: 7, path: 'contexts[0].query.sql' };

export interface FixtureOptions {
  /** Text of the one init script; undefined: none. */
  readonly init?: string | undefined;
  readonly statementTimeoutMs?: number;
  readonly log?: Logger;
  /** Default: a new one. */
  readonly folder?: string;
  readonly files?: SqliteFiles;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  readonly keyed?: ToolCall['keyed'];
}

export type Shape = StatementConfig['result'];

/** Nothing is open until something is asked. */
export class SqliteFixture implements AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  readonly database: Database;
  readonly #isOwnFolder: boolean;

  constructor({ init, statementTimeoutMs = 5_000, log = silentLogger, folder, files }: FixtureOptions = {}) {
    this.#isOwnFolder = folder === undefined;
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'mcp2-sqlite-'));
    this.file = join(this.folder, 'test.db');
    const script = join(this.folder, 'init.sql');
    if (init !== undefined) writeFileSync(script, init);
    const config: SqliteConfig = {
      kind: 'sqlite',
      name: 'test',
      place: { ...PLACE, path: 'databases.test' },
      file: this.file,
      init: init === undefined ? [] : [script],
      statementTimeoutMs,
    };
    this.database = openSqlite(config, { files: files ?? newFiles(log), clock: systemClock, log });
  }

  /** @returns JSON's value, or the bytes. */
  context(sql: string, result: Shape = 'Value') {
    const read = this.database.context({ database: 'test', sql, place: PLACE, result }, namesIn(sql));
    return async (
      values: { segments?: Record<string, string>; parameters?: Record<string, unknown> } = {},
      call: CallOptions = {},
    ): Promise<unknown> => {
      const request = { key: 'test', segments: {}, parameters: {}, ...values };
      const { content, contentType } = await read(request, toCall(call));
      return contentType === 'application/json' ? JSON.parse(content.toString()) : content;
    };
  }

  tool(sql: string, result: Shape = 'Row') {
    const config = { database: 'test', sql, place: PLACE, result, isolation: 'Serializable' } as const;
    const run = this.database.tool(config, namesIn(sql));
    return async (args: Record<string, unknown> = {}, call: CallOptions = {}): Promise<unknown> =>
      readable(await run(args, toCall(call)));
  }

  /** @returns the problems; throws when it is unreachable. */
  async check(): Promise<readonly Problem[]> {
    const checked = await this.database.check(new AbortController().signal);
    if (checked === 'unreachable') throw new Error('the database is unreachable');
    return checked;
  }

  /** Beside the database: what really is in the file. */
  look(sql: string): unknown[] {
    using sqlite = new DatabaseSync(this.file);
    return sqlite.prepare(sql).all();
  }

  names(): string[] {
    return readdirSync(this.folder).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database.close();
    if (this.#isOwnFolder) rmSync(this.folder, { recursive: true });
  }
}

function namesIn(sql: string): StatementNames {
  const text = readSqlText(sql);
  return { segments: [], parameters: isSqlProblem(text) ? [] : text.names };
}

export function newFiles(log: Logger = silentLogger): SqliteFiles {
  return new SqliteFiles({ clock: systemClock, log, setpriv: undefined });
}

export function toCall({ signal, deadlineMs, keyed }: CallOptions = {}): ToolCall {
  return {
    caller: { iss: 'https://issuer.example', sub: 'tester' },
    signal: signal ?? new AbortController().signal,
    deadlineMs: deadlineMs ?? Date.now() + 30_000,
    log: silentLogger,
    invocationId: 'test',
    idempotencyKey: undefined,
    keyed,
    warn: () => undefined,
  };
}

function readable(answer: ToolAnswer): unknown {
  if (!answer.success) return answer;
  const outputs = Object.entries(answer.outputs).map(([name, value]) => [name, value.toString()]);
  const structured = answer.structured === undefined ? {} : { structured: JSON.parse(answer.structured.toString()) };
  return { ...Object.fromEntries(outputs), ...structured };
}
