/** What is said between this process and the child that holds one connection. All of it is plain data. */
import type { Reason } from '#lib/errors.ts';
import type { KeyedCall } from '#sdk/server/declaration.ts';

/** Integers are BigInt: node:sqlite would bind a JavaScript number as REAL. */
export type SqlValue = null | bigint | number | string;

/** A child for reading has a read-only connection. */
export type Access = 'read' | 'write';

export type ResultShape = 'Value' | 'Row' | 'Rows';

interface Common {
  /** How long to wait for another process that holds a lock, in milliseconds. */
  readonly busyMs: number;
}

export interface CreateRequest extends Common {
  readonly kind: 'create';
  /** Absolute paths, in order. */
  readonly init: readonly string[];
  readonly nowMs: number;
}

export interface CheckRequest extends Common {
  readonly kind: 'check';
  readonly statements: readonly string[];
}

export interface ReadRequest extends Common {
  readonly kind: 'read';
  /** As translated; nothing of it comes from a caller. */
  readonly sql: string;
  readonly values: readonly SqlValue[];
  readonly result: ResultShape;
}

export interface WriteRequest extends Common {
  readonly kind: 'write';
  readonly sql: string;
  readonly values: readonly SqlValue[];
  readonly result: ResultShape;
  readonly keyed: KeyedCall | undefined;
  readonly nowMs: number;
}

/** Rows of an outbox, as they are. */
export interface TakeRequest extends Common {
  readonly kind: 'take';
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** What becomes of rows of an outbox, in one transaction. */
export interface SettleRequest extends Common {
  readonly kind: 'settle';
  readonly statements: readonly { readonly sql: string; readonly values: readonly SqlValue[] }[];
}

export type SqliteRequest = CreateRequest | CheckRequest | ReadRequest | WriteRequest | TakeRequest | SettleRequest;

/** Of a statement: its columns, or why the database refused it, in its own words. */
export type Description = { readonly columns: readonly string[] } | { readonly refused: string };

/** To the child. It answers each request with one message, and a stop with its end. */
export type ToChild = SqliteRequest | { readonly kind: 'stop' };

export interface InitProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What a context answers. */
export interface ReadAnswer {
  readonly content: Uint8Array;
  readonly contentType: string;
}

/** What a tool answers; texts are UTF-8. */
export type WriteAnswer =
  | { readonly success: true; readonly outputs: readonly (readonly [string, string])[]; readonly structured?: string }
  | { readonly success: false; readonly errorCode: string; readonly message: string };

export interface TakenRows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly (SqlValue | Uint8Array)[])[];
}

export interface SqliteAnswers {
  /** Undefined: the file is there, whoever made it. */
  readonly create: InitProblem | undefined;
  readonly check: readonly Description[];
  readonly read: ReadAnswer;
  readonly write: WriteAnswer;
  readonly take: TakenRows;
  readonly settle: undefined;
}

/** A ServiceError on its way. */
export interface SentError {
  readonly reason: Reason;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** What SQLite said, for the log. */
  readonly detail?: string;
}

export type FromChild =
  | { readonly kind: 'ready' }
  /** From here to the answer nobody can say whether a write was applied. */
  | { readonly kind: 'committing' }
  /** `prepared`: texts of statements that were compiled for the first time. */
  | { readonly kind: 'answer'; readonly value: unknown; readonly prepared: readonly string[] }
  | { readonly kind: 'failed'; readonly error: SentError };

/** What the child is started with, as JSON in its only argument. */
export interface ChildSettings {
  readonly file: string;
  readonly access: Access;
}
