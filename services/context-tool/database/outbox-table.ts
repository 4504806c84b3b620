/** The table of an outbox, as both engines have it: rows are taken, published by the caller, and settled. */
import type { StatementNames } from './database.ts';

/** A value that came as text is text; bytes are bytes. */
export type OutboxCell = string | Uint8Array | null;

export interface TakenRow {
  /** For people and event ids. */
  readonly id: string | null;
  /** The same as the database wants it back. */
  readonly key: string | number | bigint | null;
  readonly topic: OutboxCell;
  readonly payload: OutboxCell;
  readonly contentType: OutboxCell;
  readonly traceparent: OutboxCell;
}

/** What becomes of a row: `done`, or `failed` for a reason. */
export interface Settlement {
  readonly row: TakenRow;
  readonly failedFor?: string;
}

export interface DrainRequest {
  /** Rows at most. */
  readonly limit: number;
  /** Gives everything up; nothing is settled then. */
  readonly signal: AbortSignal;
  /** Of `settle`, at most: the database gives the lock to another replica after it. */
  readonly settleMs: number;
  /** Publishes rows, of which there is at least one. What it returns is settled, all or nothing. */
  readonly settle: (rows: readonly TakenRow[]) => Promise<readonly Settlement[]>;
}

export interface OutboxTable {
  /**
   * One batch: takes rows that no other replica takes at the same time, and settles them.
   *
   * @returns "busy" when another replica has the outbox now
   * @throws ServiceError; LIMIT_EXCEEDED when the rows together are too large; what `settle` threw; the signal's reason
   */
  drain(request: DrainRequest): Promise<'busy' | 'drained'>;
}

export const TAKE_STATEMENT: StatementNames = { segments: [], parameters: ['limit'] };
export const DONE_STATEMENT: StatementNames = { segments: [], parameters: ['id'] };
export const FAILED_STATEMENT: StatementNames = { segments: ['id', 'reason'], parameters: [] };

const REQUIRED = ['id', 'topic', 'payload', 'content_type'];
const TRACEPARENT = 'traceparent';

/** @returns what is wrong with the columns of `take` */
export function takeColumnsProblem(columns: readonly string[]): string | undefined {
  const rule = `"take" answers the columns ${REQUIRED.join(', ')}, and perhaps ${TRACEPARENT}, each once`;
  const missing = REQUIRED.filter((name) => !columns.includes(name));
  if (missing.length > 0) return `${rule}; here ${missing.join(' and ')} is missing`;
  const other = columns.find((name, i) => !isKnown(name) || columns.indexOf(name) !== i);
  return other === undefined ? undefined : `${rule}; take "${other}" out`;
}

/** The cell of a column, from the names of all. */
export function takenRow<T>(
  columns: readonly string[],
  cells: readonly T[],
  read: { readonly cell: (value: T, column: number) => OutboxCell; readonly key: (value: T) => TakenRow['key'] },
): TakenRow {
  const cell = (name: string): OutboxCell => {
    const index = columns.indexOf(name);
    return index < 0 ? null : read.cell(cells[index] as T, index);
  };
  const key = read.key(cells[columns.indexOf('id')] as T);
  return {
    id: key === null ? null : String(key),
    key,
    topic: cell('topic'),
    payload: cell('payload'),
    contentType: cell('content_type'),
    traceparent: cell(TRACEPARENT),
  };
}

function isKnown(column: string): boolean {
  return REQUIRED.includes(column) || column === TRACEPARENT;
}
