/**
 * What goes wrong in the embedded log, and the sentences about it. Errors cross the border between a worker and its owner
 * as plain data, because a class does not survive the copy.
 */
import { type Reason, ServiceError } from '#lib/errors.ts';
import { isBusy, isDamage, isFromTheMachine, isFull, messageOf, sqliteCode } from '#lib/sqlite/errors.ts';
import { UserError } from '#lib/user-error.ts';

/** The folder cannot be used as a log; the message says why and what to do, for the person who starts the process. */
export class LogFolderError extends UserError {
  /** True when only another process is in the way. */
  readonly isInUse: boolean;

  constructor(message: string, cause?: unknown, isInUse = false) {
    super(message, { cause });
    this.name = 'LogFolderError';
    this.isInUse = isInUse;
  }
}

/** Where the log lies. */
export interface LogPlace {
  readonly folder: string;
  readonly database: string;
}

/** An answer that is an error. */
export interface SentError {
  readonly reason: Reason;
  readonly message: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number;
  /** For the log of the process. */
  readonly detail?: string;
}

/** A start that was refused. */
export interface SentRefusal {
  readonly message: string;
  readonly detail: string;
  readonly isInUse: boolean;
}

/** How long a publisher waits before it asks a full log again, in milliseconds. */
const FULL_RETRY_MS = 5_000;

/** @throws `error` itself when it is neither an outcome of a call nor SQLite's: a mistake of ours ends the worker. */
export function toSent(error: unknown, place: LogPlace): SentError {
  if (error instanceof ServiceError) {
    const { reason, message, metadata, retryAfterMs } = error;
    return retryAfterMs === undefined ? { reason, message, metadata } : { reason, message, metadata, retryAfterMs };
  }
  if (!isDamage(error) && sqliteCode(error) === undefined) throw error;
  return { reason: 'STORE_UNAVAILABLE', message: explainFailure(error), detail: explainForOwner(error, place) };
}

/** A start that was refused, on the owner's side. */
export function fromRefusal({ message, detail, isInUse }: SentRefusal): LogFolderError {
  return new LogFolderError(message, new Error(detail), isInUse);
}

export function closed(): ServiceError {
  return new ServiceError('SHUTTING_DOWN', 'the event log is closed');
}

export function fromSent({ reason, message, metadata, retryAfterMs, detail }: SentError): ServiceError {
  const cause = detail === undefined ? undefined : new Error(detail);
  return new ServiceError(reason, message, { metadata: metadata ?? {}, retryAfterMs, cause });
}

/** Why the database cannot be opened. @throws `error` itself when it is a mistake of ours. */
export function toRefusal(error: unknown, place: LogPlace): SentRefusal {
  const detail = messageOf(error);
  if (error instanceof LogFolderError) return { message: detail, detail, isInUse: error.isInUse };
  if (isBusy(error)) return { message: inUse(place.folder), detail, isInUse: true };
  if (sqliteCode(error) === undefined && !isDamage(error)) throw error;
  if (isFromTheMachine(error)) return { message: unusable(place.folder, detail), detail, isInUse: false };
  return { message: `${place.database} is damaged or cut short (${detail}): ${restore()}`, detail, isInUse: false };
}

export function logFull(): SentError {
  return {
    reason: 'LOG_FULL',
    message:
      'the disk that holds the log is full: nothing was published, and events are taken again once there is space',
    retryAfterMs: FULL_RETRY_MS,
  };
}

export function unavailable(message: string, cause?: unknown): ServiceError {
  return new ServiceError('STORE_UNAVAILABLE', message, { cause });
}

export function inUse(folder: string): string {
  return `${folder} is in use by another mcp2 process: stop that one, or name another folder for this one`;
}

export function unusable(folder: string, why: string): string {
  return `${folder} cannot be used as the folder of the event log (${why}): make it a folder that this user can read and write, or name another one`;
}

export function newer(folder: string, format: number): string {
  return `${folder} was written by a newer mcp2 (format ${format} of the event log): start that version, or name another folder`;
}

/** What to do about a log that lacks something. */
export function restore(): string {
  return 'put a backup in its place with "mcp2 bus restore", or go on with what is left under a new epoch with "mcp2 bus accept-loss"';
}

/** For whoever called, perhaps from another machine: nothing of where the log lies. */
function explainFailure(error: unknown): string {
  if (isFull(error))
    return 'the disk that holds the log is full, so nothing was written: free some space and try again';
  if (isDamage(error)) return 'the event log is damaged; the log of the event bus says where';
  return 'the event log could not use its disk; try again';
}

/** For the log of the process, as the cause. */
function explainForOwner(error: unknown, { folder, database }: LogPlace): string {
  const detail = messageOf(error);
  return isDamage(error) ? `${database} is damaged (${detail}): ${restore()}` : `${folder}: ${detail}`;
}
