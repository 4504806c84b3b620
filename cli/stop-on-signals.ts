/** For a command that goes on until it is told to end. */
import type { Terminal } from './terminal.ts';

/** @returns a signal that aborts at SIGINT, SIGTERM or SIGHUP, none of which ends the process by itself any more */
export function stopOnSignals({ events }: Pick<Terminal, 'events'>): AbortSignal {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) events.on(name, () => stopping.abort());
  return stopping.signal;
}
