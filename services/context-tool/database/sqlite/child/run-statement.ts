/** Runs one statement: a context's by itself, a tool's in a transaction with the answer that is kept for its key. */
import type {
  Description,
  ReadAnswer,
  ReadRequest,
  SettleRequest,
  TakenRows,
  TakeRequest,
  WriteAnswer,
  WriteRequest,
} from '../messages.ts';
import { toReadAnswer, toWriteAnswer } from './answers.ts';
import type { Permission } from './authorizer.ts';
import type { Connection } from './connection.ts';
import { messageOf, sqliteCode } from './failures.ts';
import { findKept, keep } from './idempotency.ts';
import { collectRows } from './json-rows.ts';

export function runRead(connection: Connection, { sql, values, result }: ReadRequest): ReadAnswer {
  const found = connection.as('read', () => connection.use(sql, (statement) => collectRows(statement, values, result)));
  return toReadAnswer(found, result);
}

/** @throws ServiceError LIMIT_EXCEEDED when the rows together are too large */
export function runTake(connection: Connection, { sql, values }: TakeRequest): TakenRows {
  return connection.as('read', () => connection.use(sql, (statement) => collectRows(statement, values, 'Rows')));
}

export function runSettle(connection: Connection, { statements }: SettleRequest, onCommitting: () => void): void {
  inTransaction(connection, onCommitting, () => {
    for (const { sql, values } of statements) {
      connection.as('write', () => connection.use(sql, (statement) => statement.all(...values)));
    }
  });
}

/** @param onCommitting Is called right before the commit. */
export function runWrite(connection: Connection, request: WriteRequest, onCommitting: () => void): WriteAnswer {
  return inTransaction(connection, onCommitting, () => {
    const kept = request.keyed && findKept(connection, request.keyed, request.nowMs);
    return kept ?? runOnce(connection, request);
  });
}

function inTransaction<T>({ sqlite }: Connection, onCommitting: () => void, work: () => T): T {
  sqlite.exec('BEGIN IMMEDIATE');
  try {
    const answer = work();
    onCommitting();
    sqlite.exec('COMMIT');
    return answer;
  } finally {
    // A full disk ends the transaction by itself.
    if (sqlite.isTransaction) sqlite.exec('ROLLBACK');
  }
}

function runOnce(connection: Connection, { sql, values, result, keyed, nowMs }: WriteRequest): WriteAnswer {
  const answer = connection.as('write', () =>
    connection.use(sql, (statement): WriteAnswer => {
      if (statement.columns().length > 0) return toWriteAnswer(collectRows(statement, values, result), result);
      const { changes } = statement.run(...values);
      return { success: true, outputs: [['rows', String(changes)]] };
    }),
  );
  if (keyed !== undefined) keep(connection, keyed, { answer, nowMs });
  return answer;
}

/** Compiled, not run. @throws SQLite's error when that says nothing about the statement: a lock, a full disk, damage. */
export function describe(connection: Connection, sql: string, permission: Permission): Description {
  try {
    return connection.as(permission, () => ({
      columns: connection
        .statement(sql)
        .columns()
        .map(({ name }) => name),
    }));
  } catch (error) {
    const code = sqliteCode(error);
    if (code === 'SQLITE_AUTH') return { refused: FORBIDDEN[permission === 'read' ? 'read' : 'write'] };
    if (code === 'SQLITE_ERROR' || code === 'SQLITE_RANGE' || code === 'SQLITE_TOOBIG')
      return { refused: messageOf(error) };
    throw error;
  }
}

const FORBIDDEN = {
  read: 'a context may only read: take SELECT, without PRAGMA and ATTACH',
  write: 'a tool may read and change rows: SELECT, INSERT, UPDATE or DELETE; tables are made by "init"',
} as const;
