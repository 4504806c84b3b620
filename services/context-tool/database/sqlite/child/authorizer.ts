/**
 * What a statement may do, asked by SQLite whenever it compiles one (https://www.sqlite.org/c3ref/set_authorizer.html): a
 * context reads, a tool also changes rows. Nobody attaches files, changes settings or tables, or reads kept answers.
 */
import { constants } from 'node:sqlite';
import { IDEMPOTENCY_TABLE } from './idempotency-table.ts';

/** init: the scripts that make a database. own: statements of this folder. */
export type Permission = 'read' | 'write' | 'init' | 'own';

const READS: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);
const WRITES: ReadonlySet<number> = new Set([
  ...READS,
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
]);
/** An init script runs in a transaction of ours, and in no other file. */
const NOT_IN_INIT: ReadonlySet<number> = new Set([
  constants.SQLITE_TRANSACTION,
  constants.SQLITE_SAVEPOINT,
  constants.SQLITE_ATTACH,
  constants.SQLITE_DETACH,
]);
/** They load code. */
const FORBIDDEN_FUNCTIONS: ReadonlySet<string> = new Set(['load_extension', 'fts3_tokenizer']);

/** @param subject What the action is on, as SQLite names it; of a function it is the second name. */
export function isAllowed(permission: Permission, action: number, subject: readonly (string | null)[]): boolean {
  if (permission === 'own') return true;
  const [first, second] = subject;
  if (action === constants.SQLITE_FUNCTION && FORBIDDEN_FUNCTIONS.has((second ?? '').toLowerCase())) return false;
  if (permission === 'init') return !NOT_IN_INIT.has(action);
  // Full-text search asks for it by itself; it changes nothing.
  if (action === constants.SQLITE_PRAGMA) return first === 'data_version' && second === null;
  if (first?.toLowerCase() === IDEMPOTENCY_TABLE) return false;
  return (permission === 'read' ? READS : WRITES).has(action);
}
