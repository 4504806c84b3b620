/**
 * The form of a test of the database contract: what holds for PostgreSQL, directly and behind PgBouncer, and for SQLite.
 * Each engine makes the tables of `tables.ts` in its own words.
 */
import { randomUUID } from 'node:crypto';
import { silentLogger } from '#lib/logger.ts';
import type { ContextAnswer, JsonObject, ToolAnswer, ToolCall } from '#sdk/server/declaration.ts';
import type {
  Place,
  StatementConfig,
  ToolStatementConfig,
} from '../../../services/context-tool/config/runtime-config.ts';
import type { Database } from '../../../services/context-tool/database/database.ts';

export interface EngineUnderTest {
  readonly kind: 'postgres' | 'sqlite';
  /** Another database object over the same data, as another process would have it. Closed by `dispose`. */
  open(): Database;
  /** As the owner of the data. @returns rows of columns */
  query(sql: string): Promise<Record<string, unknown>[]>;
  dispose(): Promise<void>;
}

/** By the sentence that is tested. */
export type ContractTests = Readonly<Record<string, (engine: EngineUnderTest) => Promise<void>>>;

export const PLACE: Place = { file: 'inventory.yaml', line: 20, column: 9, path: 'contexts[0].query.sql' };

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default 10,000. */
  readonly deadlineMs?: number;
  readonly key?: string;
  /** Default: the key. */
  readonly argumentsHash?: string;
}

export function callWith({ signal, deadlineMs = 10_000, key, argumentsHash = 'same' }: CallOptions = {}): ToolCall {
  return {
    caller: { iss: 'https://issuer.example', sub: 'somebody' },
    signal: signal ?? new AbortController().signal,
    deadlineMs: Date.now() + deadlineMs,
    log: silentLogger,
    invocationId: randomUUID(),
    idempotencyKey: key,
    keyed: key === undefined ? undefined : { id: key, argumentsHash },
    warn() {},
  };
}

export interface ContextStatement {
  readonly sql: string;
  readonly result?: StatementConfig['result'];
  readonly segments?: readonly string[];
  readonly parameters?: readonly string[];
}

export type AskContext = (values?: JsonObject, options?: CallOptions) => Promise<ContextAnswer>;
export type RunTool = (args?: JsonObject, options?: CallOptions) => Promise<ToolAnswer>;

/** A context of this statement, asked with the values of segments and parameters alike. Not checked yet. */
export function contextOf(database: Database, statement: ContextStatement): AskContext {
  const { sql, result = 'Value', segments = [], parameters = [] } = statement;
  const read = database.context({ database: 'db', sql, place: PLACE, result }, { segments, parameters });
  return async (values = {}, options) => {
    const mine = (names: readonly string[]) => Object.entries(values).filter(([name]) => names.includes(name));
    const ofKey = Object.fromEntries(mine(segments).map(([name, value]) => [name, String(value)]));
    const request = { key: 'test:key', segments: ofKey, parameters: Object.fromEntries(mine(parameters)) };
    return read(request, callWith(options));
  };
}

export interface ToolStatement {
  readonly sql: string;
  readonly result?: StatementConfig['result'];
  readonly isolation?: ToolStatementConfig['isolation'];
  readonly parameters?: readonly string[];
}

export function toolOf(database: Database, statement: ToolStatement): RunTool {
  const { sql, result = 'Row', isolation = 'ReadCommitted', parameters = [] } = statement;
  const names = { segments: [], parameters };
  const run = database.tool({ database: 'db', sql, place: PLACE, result, isolation }, names);
  return async (args = {}, options) => run(args, callWith(options));
}

/** @throws Error with the problems, when there are any */
export async function checked(database: Database): Promise<void> {
  const problems = await database.check(AbortSignal.timeout(30_000));
  if (problems.length > 0) throw new Error(`the database was not checked: ${JSON.stringify(problems)}`);
}

/** Of a context. */
export function jsonOf({ content }: ContextAnswer): unknown {
  return JSON.parse(content.toString());
}

/** Of a tool: its outputs as texts, its structured result as JSON text. */
export function textsOf(answer: ToolAnswer): unknown {
  if (!answer.success) return answer;
  const outputs = Object.fromEntries(Object.entries(answer.outputs).map(([name, value]) => [name, value.toString()]));
  return { ...outputs, ...(answer.structured === undefined ? {} : { structured: answer.structured.toString() }) };
}

/** What a call fails with that is looked at later; undefined when it succeeds. */
export function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}
