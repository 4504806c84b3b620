/**
 * Group commit: everything that waited while the last commit was on its way to the disk becomes one transaction, so
 * that the disk's rate of flushes bounds the groups and not the writes.
 *
 * Each write runs in a savepoint, so that one that throws takes nothing else with it. SQLite ends the whole transaction
 * by itself on a full disk: then nothing of the group was applied, and the ones that had seemed to succeed fail too.
 */
export interface GroupDatabase {
  readonly isTransaction: boolean;
  begin(): void;
  savepoint(): void;
  releaseSavepoint(): void;
  rollbackToSavepoint(): void;
  commit(): void;
  /** Also when SQLite has ended the transaction by itself. */
  rollback(): void;
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** @param finish Runs once, before the commit. @returns the outcomes in order; the values are on the disk by then. */
export function commitGroup(
  database: GroupDatabase,
  writes: readonly (() => unknown)[],
  finish: () => void,
): Outcome[] {
  try {
    database.begin();
    const outcomes = writes.map((write) => runWrite(database, write));
    finish();
    database.commit();
    return outcomes;
  } catch (error) {
    database.rollback();
    return writes.map(() => ({ error }));
  }
}

/** @throws the error that ended the whole transaction */
function runWrite(database: GroupDatabase, write: () => unknown): Outcome {
  database.savepoint();
  try {
    const value = write();
    database.releaseSavepoint();
    return { value };
  } catch (error) {
    if (!database.isTransaction) throw error;
    database.rollbackToSavepoint();
    return { error };
  }
}
