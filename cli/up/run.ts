/**
 * `mcp2 up`: a whole control plane in one process, from YAML files, with nothing to install or to run beside.
 *
 * Everything that is started says how it is ended at once, so that Ctrl-C, a signal and a failure half-way through take
 * the same way out: newest first, within two seconds.
 */
import type { Logger } from '#lib/logger.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { endOnSignals, Shutdown, type ShutdownStep } from '#lib/service/shutdown.ts';
import { CommandFailed } from '../failure.ts';
import { locateState, prepareState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';
import { LateLog } from './log-file.ts';
import type { UpOptions } from './options.ts';
import { shortenPath } from './paths.ts';
import { withoutEchoes } from './signals.ts';
import { startUp } from './start.ts';

/** From Ctrl-C to the end of the process. */
const STOP_MS = 2_000;

/** Runs until it is told to end. @throws an error that `reportFailure` knows */
export async function runUp(options: UpOptions, terminal: Terminal): Promise<void> {
  const { clock, note } = terminal;
  const state = locateState(options.state, terminal);
  prepareState(state);
  const logFile = new LateLog();
  const logOf = createLogs(logFile, options.verbose === true, note);
  const log = logOf('up');
  const steps: ShutdownStep[] = [];
  const ended = Promise.withResolvers<number>();
  const stop = new AbortController();
  const shutdown = new Shutdown({
    steps,
    timeoutMs: STOP_MS,
    clock,
    log,
    exit: (code) => ended.resolve(code),
  });
  steps.push({ name: 'announcement', run: () => stop.abort() });
  endOnSignals(withoutEchoes(terminal.events, clock), shutdown, log);
  const end = (why: string, code?: number): void => {
    shutdown.request(why, code).catch(ended.reject);
  };
  terminal.events.on('SIGHUP', () => end('SIGHUP'));
  let failure: unknown;
  const openLog = () => logFile.open(state.log);
  const context = { options, terminal, state, logOf, openLog, steps, signal: stop.signal };
  startUp(context).catch((error: unknown) => {
    if (shutdown.started) return;
    failure = error;
    end('it failed', 1);
  });
  stop.signal.addEventListener('abort', () => failure === undefined && note('Stopping …'));
  const code = await ended.promise;
  logFile.close();
  if (failure !== undefined) throw failure;
  if (code !== 0) throw new CommandFailed(`it did not end in order; ${state.log} says more`);
  note(`Stopped. The next start goes on from ${shortenPath(state.path, terminal)}.`);
}

/** In the file always, on stderr too when that is asked for. */
function createLogs(file: LateLog, isVerbose: boolean, note: (line: string) => void): (service: string) => Logger {
  const write = (line: string) => {
    file.write(line);
    if (isVerbose) note(line.trimEnd());
  };
  return (service) => createLogger({ service, level: 'info', stream: { write } });
}
