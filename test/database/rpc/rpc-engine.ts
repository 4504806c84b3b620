/** What a test of the RPCs on a database has: a runtime that serves, and the database behind it in the owner's hands. */
import { status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { retryDelayMsOf } from '#lib/grpc/status.ts';
import type { Texts } from '../../harness/context-tool-calls.ts';
import type { TestRuntime } from '../../harness/context-tool-runtime.ts';
import { refusalOf } from '../../harness/registry-fixture.ts';
import { type GivenReason, STATUS_OF } from './reasons.ts';

export interface RpcEngine {
  readonly kind: 'postgres' | 'sqlite';
  readonly runtime: TestRuntime;
  /** What an answer says of where it was read. */
  readonly metadata: readonly string[];
  /** Of an answer that the database is away. PgBouncer at times says so itself. */
  readonly factsOfAbsence: unknown;
  /** So many calls run or wait at most. */
  readonly capacity: number;
  /** As the owner of the data. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Everything that the runtime had the database do or compile since the last time: texts of statements. */
  statements(): Promise<readonly string[]>;
  /** Endless statements that the database runs at this moment. */
  running(): Promise<number>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Has `pay` called, and breaks it while it commits. @returns what the call ends with */
  breakCommit(pay: () => Promise<unknown>): Promise<unknown>;
  dispose(): Promise<void>;
}

/** By the sentence that is tested. */
export type RpcTests = Readonly<Record<string, (engine: RpcEngine) => Promise<void>>>;

export interface Refusal<On> {
  readonly title: string;
  readonly reason: GivenReason;
  /** Fails with it. */
  readonly ask: (on: On) => Promise<unknown>;
  /** The whole metadata of the reason. Default: none. */
  readonly facts?: Texts | ((on: On) => unknown);
  /** google.rpc.RetryInfo. Default: none. */
  readonly retryAfterMs?: number;
}

/** Never in a message: a token, an address, a value of a row, a name or a word of the database. */
const NOT_FOR_CALLERS =
  /eyJ|127\.0\.0\.1|postgres|ECONN|\/tmp|secret|constraint|violates|stock\.quantity|quantity_check/i;

/** Fails unless the call ends with the reason, its status and exactly its facts. */
export async function expectRefusal<On>(refusal: Refusal<On>, on: On): Promise<void> {
  const { reason, ask, facts = {}, retryAfterMs } = refusal;
  const error = await refusalOf(ask(on));
  expect({ reason: error.reason, code: status[error.code], facts: error.facts }).toEqual({
    reason,
    code: STATUS_OF[reason],
    facts: typeof facts === 'function' ? facts(on) : facts,
  });
  // The client's own word for its own deadline names the server that it asked.
  expect(error.message.replace(/,remote_addr=\S+$/, '')).not.toMatch(NOT_FOR_CALLERS);
  expect(retryDelayMsOf(error.metadata)).toBe(retryAfterMs);
}
