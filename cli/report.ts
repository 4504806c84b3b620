/**
 * The end of a command that failed: which sentence is printed and with which code the process exits.
 *
 * Errors whose message is written for people are printed as they are. Anything else is a defect of ours: it says so,
 * and MCP2_DEBUG=1 shows where.
 */
import { CommanderError } from 'commander';
import { ConfigError } from '#lib/config/env-reader.ts';
import { ServiceError } from '#lib/errors.ts';
import { ListenError } from '#lib/net/listen-address.ts';
import { StoreFolderError } from '#lib/store/embedded/folder.ts';
import { CommandFailed } from './failure.ts';
import type { Terminal } from './terminal.ts';

const FOR_PEOPLE = [CommandFailed, ConfigError, ListenError, ServiceError, StoreFolderError];

/** @returns the exit code: 0 for --help and --version, 1 when it did not work, 2 when it was called wrongly. */
export function reportFailure(error: unknown, terminal: Pick<Terminal, 'env' | 'note' | 'style'>): number {
  // commander has printed its own sentence.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const isForPeople = FOR_PEOPLE.some((kind) => error instanceof kind);
  const message = error instanceof Error ? error.message : String(error);
  const debug = terminal.env.MCP2_DEBUG === '1';
  if (isForPeople) terminal.note(`${terminal.style('red', 'error:')} ${message}`);
  else terminal.note(`unexpected error: ${message}${debug ? '' : ' (MCP2_DEBUG=1 shows where; please report it)'}`);
  if (debug && error instanceof Error) terminal.note(describe(error));
  return error instanceof CommandFailed ? error.exitCode : 1;
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${describe(error.cause)}` : '';
  return `${error.stack}${cause}`;
}
