/**
 * The command line of `mcp2` in the process of the test: a process of its own takes half a second or more to start. What is
 * about processes (signals, pipes, exit codes) is tested with `runMcp2`.
 */
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { systemClock } from '#lib/clock.ts';
import { runCommandLine } from '../../cli/program.ts';
import type { Ended } from './mcp2-command.ts';

export interface HereOptions {
  /** MCP2_STATE, and the home folder. */
  readonly state: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing, and nobody sits there. */
  readonly input?: string | Buffer | AsyncIterable<Uint8Array>;
  /** Default: the state folder. */
  readonly cwd?: string;
  /** What a person who sits there answers to each question. */
  readonly answer?: string;
}

export interface RunningHere {
  readonly ended: Promise<Ended>;
  /** What it printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** One Ctrl-C. */
  interrupt(): void;
}

/** Runs a command to its end. */
export function runMcp2Here(args: readonly string[], options: HereOptions): Promise<Ended> {
  return startMcp2Here(args, options).ended;
}

/** For a command that goes on until it is ended. */
export function startMcp2Here(args: readonly string[], options: HereOptions): RunningHere {
  const { state, env = {}, input = '', cwd = state, answer } = options;
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const events = new EventEmitter();
  const piped = typeof input === 'string' || Buffer.isBuffer(input) ? Readable.from([Buffer.from(input)]) : input;
  const running = runCommandLine(args, {
    env: { MCP2_STATE: state, ...env },
    homeFolder: state,
    workingFolder: cwd,
    version: '0.0.0',
    packageFolder: join(import.meta.dirname, '../..'),
    print: (line) => stdout.push(`${line}\n`),
    write: (bytes) => stdout.push(Buffer.from(bytes).toString('latin1')),
    isTerminal: false,
    note: (line) => stderr.push(`${line}\n`),
    style: (_style, text) => text,
    readInput: async () => (typeof input === 'string' ? input : undefined),
    input: () => piped,
    ask: answer === undefined ? undefined : async () => answer,
    drained: async () => undefined,
    clock: systemClock,
    events,
    pid: process.pid,
    uid: process.getuid?.(),
    isAlive: () => true,
  });
  return {
    ended: running.then((code) => ({ code, stdout: stdout.join(''), stderr: stderr.join('') })),
    stdout: () => stdout.join(''),
    stderr: () => stderr.join(''),
    interrupt: () => events.emit('SIGINT'),
  };
}
