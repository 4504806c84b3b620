/**
 * What goes wrong in the embedded store, and the sentences about it. Errors cross the border between the worker and
 * its owner as plain data, because a class does not survive the copy.
 */
import { ServiceError } from '#lib/errors.ts';
import { isBusy, isDamage, isFromTheMachine, isFull, messageOf, sqliteCode } from '#lib/sqlite/errors.ts';
import { UserError } from '#lib/user-error.ts';
import { CompactedError, LeaseGoneError } from '../store.ts';

/** The folder cannot be used as a store; the message says why and what to do, for the person who starts the process. */
export class StoreFolderError extends UserError {
  /** True when only another process is in the way. */
  readonly isInUse: boolean;

  constructor(message: string, cause?: unknown, isInUse = false) {
    super(message, { cause });
    this.name = 'StoreFolderError';
    this.isInUse = isInUse;
  }
}

/** Where a sentence about a failure points to. */
export interface StorePlace {
  readonly folder: string;
  readonly database: string;
}

/** An answer that is an error. */
export type SentError =
  | { readonly kind: 'lease-gone' | 'compacted' }
  | { readonly kind: 'unavailable'; readonly message: string; readonly detail: string };

/** A start that was refused. */
export interface SentRefusal {
  readonly message: string;
  readonly detail: string;
  readonly isInUse: boolean;
}

/** @throws `error` itself when it is neither an outcome of a call nor SQLite's: a mistake of ours ends the worker. */
export function toSent(error: unknown, place: StorePlace): SentError {
  if (error instanceof LeaseGoneError) return { kind: 'lease-gone' };
  if (error instanceof CompactedError) return { kind: 'compacted' };
  if (!isDamage(error) && sqliteCode(error) === undefined) throw error;
  return { kind: 'unavailable', message: explainFailure(error), detail: explainForOwner(error, place) };
}

export function fromSent(sent: SentError): Error {
  if (sent.kind === 'unavailable') return unavailable(sent.message, new Error(sent.detail));
  return sent.kind === 'compacted' ? new CompactedError() : new LeaseGoneError();
}

/** Why the database cannot be opened. @throws `error` itself when it is a mistake of ours. */
export function toRefusal(error: unknown, place: StorePlace): SentRefusal {
  const detail = messageOf(error);
  if (error instanceof StoreFolderError) return { message: detail, detail, isInUse: false };
  if (isBusy(error)) return { message: inUse(place.folder), detail, isInUse: true };
  if (sqliteCode(error) === undefined && !isDamage(error)) throw error;
  if (isFromTheMachine(error)) return { message: unusable(place.folder, detail), detail, isInUse: false };
  const message = `${place.database} is damaged or cut short (${detail}): ${restoreOrMoveAway(place.folder)}`;
  return { message, detail, isInUse: false };
}

export function unavailable(message: string, cause?: unknown): ServiceError {
  return new ServiceError('STORE_UNAVAILABLE', message, { cause });
}

export function inUse(folder: string): string {
  return `${folder} is in use by another mcp2 process: stop that one, or name another folder for this one`;
}

export function unusable(folder: string, why: string): string {
  return `${folder} cannot be used as the folder of the store (${why}): make it a folder that this user can read and write, or name another one`;
}

export function restoreOrMoveAway(folder: string): string {
  return `put a backup of ${folder} in its place, or move it away to start empty (servers register again by themselves)`;
}

/** For whoever called, perhaps from another machine: nothing of where the store lies. */
function explainFailure(error: unknown): string {
  if (isFull(error)) {
    return 'the disk that holds the store is full, so nothing was written: free some space on it and try again';
  }
  if (isDamage(error)) return 'the store is damaged; its log says where';
  return 'the store could not use its disk; try again';
}

/** For the log, as the cause. */
function explainForOwner(error: unknown, { folder, database }: StorePlace): string {
  const detail = messageOf(error);
  return isDamage(error)
    ? `${database} is damaged (${detail}): stop mcp2, then ${restoreOrMoveAway(folder)}`
    : `${folder}: ${detail}`;
}
