/**
 * How a command ends that did not do what it was asked: one sentence on stderr and an exit code, never a stack.
 */

import { UserError } from '#lib/user-error.ts';

/** 1: it did not work. 2: it was called wrongly. 3: there was nothing to check. */
export type ExitCode = 1 | 2 | 3;

export class CommandFailed extends UserError {
  readonly exitCode: ExitCode;

  constructor(message: string, options: { readonly exitCode?: ExitCode; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CommandFailed';
    this.exitCode = options.exitCode ?? 1;
  }
}

export function usageError(message: string): CommandFailed {
  return new CommandFailed(message, { exitCode: 2 });
}
