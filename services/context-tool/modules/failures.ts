/**
 * What a caller is told when a module fails: which module, what ended it, and never what the module itself said. That goes
 * to the log as `cause`.
 */
import { ServiceError } from '#lib/errors.ts';
import type { SentError } from './messages.ts';

/**
 * Why a run of a module failed, in the error's metadata as `cause`. "rejection": it threw. "result": it returned what cannot
 * be sent. "load": it cannot be imported, lacks its export or its process does not start.
 */
export type FailureCause = 'exit' | 'memory' | 'crash' | 'rejection' | 'result' | 'load';

/** An error of the child process, with the stack that it had there. */
export class ModuleError extends Error {
  readonly code: string | undefined;
  /** The file that it may not read. */
  readonly resource: string | undefined;

  /** "pricing.mjs:3", where a mistake of syntax stands. */
  readonly place: string | undefined;

  constructor({ name, message, stack, code, resource }: SentError, place?: string) {
    super(message);
    this.name = name;
    this.stack = stack;
    this.code = code;
    this.resource = resource;
    this.place = place;
  }
}

export interface FailureDetails {
  /** Of the process, when it ended by itself. */
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly error?: Error | undefined;
}

/** @param module The file's name: "pricing.mjs". */
export function moduleFailed(
  module: string,
  cause: FailureCause,
  { exitCode, signal, error }: FailureDetails = {},
): ServiceError {
  const what = {
    exit: `ended its process with exit code ${exitCode ?? 'unknown'}`,
    memory: 'took more memory than it may have and was ended',
    crash: signal === undefined ? 'failed outside of its call and was ended' : `crashed (${signal})`,
    rejection: 'threw an error',
    result: 'returned what is neither JSON nor bytes',
    load: 'cannot be loaded',
  }[cause];
  return new ServiceError('MODULE_FAILED', `the module ${module} ${what}; the log of the server has more`, {
    metadata: { module, cause },
    ...(error === undefined ? {} : { cause: error }),
  });
}

export function moduleTimeout(module: string, timeoutMs: number): ServiceError {
  const seconds = timeoutMs / 1000;
  return new ServiceError('MODULE_TIMEOUT', `the module ${module} took longer than its ${seconds} s and was ended`, {
    metadata: { module, limit: 'module' },
  });
}

export function queueFull(module: string, waiting: number): ServiceError {
  return new ServiceError('QUEUE_FULL', `${waiting} calls wait for the module ${module} already; try again`, {
    metadata: { module },
  });
}

export function answerTooLarge(module: string, bytes: number, maxBytes: number): ServiceError {
  const limit = maxBytes / (1024 * 1024);
  return new ServiceError('LIMIT_EXCEEDED', `the module ${module} answered ${bytes} bytes; at most ${limit} MiB`, {
    metadata: { module },
  });
}
