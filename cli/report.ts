/**
 * The end of a command that failed: which sentence is printed and with which code the process exits.
 *
 * Errors whose message is written for people are printed as they are. Anything else is a defect of ours: it says so,
 * and MCP2_DEBUG=1 shows where.
 */
import { CommanderError } from 'commander';
import { describeStack, UserError } from '#lib/user-error.ts';
import { CommandFailed } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** @returns the exit code: 0 for --help and --version, 1 when it did not work, 2 when it was called wrongly. */
export function reportFailure(error: unknown, terminal: Pick<Terminal, 'env' | 'note' | 'style'>): number {
  // commander has printed its own sentence.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  const debug = terminal.env.MCP2_DEBUG === '1';
  if (error instanceof UserError) terminal.note(`${terminal.style('red', 'error:')} ${message}`);
  else terminal.note(`unexpected error: ${message}${debug ? '' : ' (MCP2_DEBUG=1 shows where; please report it)'}`);
  if (debug && error instanceof Error) terminal.note(describeStack(error));
  return error instanceof CommandFailed ? error.exitCode : 1;
}
