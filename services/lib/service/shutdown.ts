/**
 * Ending a process in order: ordered steps under one bound, started by the first signal; the second ends it at once.
 *
 * Nothing here touches the process: main.ts passes in the signals, how to exit and where failures are logged.
 */

import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { atMost } from '../time-limit.ts';

/** One thing to do before the process may end, for example "drain". */
export interface ShutdownStep {
  readonly name: string;
  /** `remainingMs` is what is left of the whole bound. */
  run(remainingMs: number): Promise<void> | void;
}

export interface ShutdownOptions {
  /** Run one after the other; a step that fails or takes too long does not keep the later ones from running. */
  readonly steps: readonly ShutdownStep[];
  /** All steps together. Default 20 000: Kubernetes kills after 30 s, of which 5 s are the preStop sleep. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly exit: (code: number) => void;
}

/** What `process` offers for signals and failures nobody handled. */
export interface ProcessEvents {
  on(event: string, listener: (argument: unknown) => void): unknown;
}

export class Shutdown {
  readonly #options: ShutdownOptions;
  #running: Promise<void> | undefined;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  /** True from the first request on: readiness must say no. */
  get started(): boolean {
    return this.#running !== undefined;
  }

  /**
   * The first call runs the steps and exits with `code` (1 when a step failed or ran out of time); the second exits at
   * once with 1, for whoever presses Ctrl-C twice.
   */
  request(why: string, code = 0): Promise<void> {
    const { log, exit } = this.#options;
    if (this.#running !== undefined) {
      log.error({ why }, 'asked to stop again: ending now');
      exit(1);
      return this.#running;
    }
    log.info({ why }, 'stopping');
    this.#running = this.#runSteps().then((clean) => {
      log.info({ clean }, 'stopped');
      exit(clean ? code : 1);
    });
    return this.#running;
  }

  async #runSteps(): Promise<boolean> {
    const { steps, timeoutMs = 20_000, clock, log } = this.#options;
    const endMs = clock.monotonicMs() + timeoutMs;
    let clean = true;
    for (const step of steps) {
      const remainingMs = Math.max(0, endMs - clock.monotonicMs());
      try {
        await runWithin(remainingMs, step, clock);
      } catch (error) {
        clean = false;
        log.error({ err: error, step: step.name }, 'a step of the shutdown failed');
      }
    }
    return clean;
  }
}

/** Wires SIGTERM and SIGINT to `shutdown`, and failures that nobody handled to a log line and exit code 1. */
export function endOnSignals(events: ProcessEvents, shutdown: Shutdown, log: Logger): void {
  const stop = (why: string, code?: number): void => {
    shutdown.request(why, code).catch((error: unknown) => log.fatal({ err: error }, 'the shutdown itself failed'));
  };
  for (const signal of ['SIGTERM', 'SIGINT']) events.on(signal, () => stop(signal));
  // The state is unknown after either: leave in order, so that the next start is clean, and say that it was a failure.
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    events.on(event, (error) => {
      log.fatal({ err: error, event }, 'an error that nobody handled');
      if (!shutdown.started) stop(event, 1);
    });
  }
}

/** A step with no time left is still begun, so that what it does at once (closing a file) is done. */
async function runWithin(timeoutMs: number, step: ShutdownStep, clock: Clock): Promise<void> {
  const isDone = await atMost(timeoutMs, Promise.resolve(step.run(timeoutMs)), clock);
  if (!isDone) throw new Error(`${step.name} did not end within the time of the shutdown`);
}
