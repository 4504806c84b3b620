/**
 * One Ctrl-C, heard once.
 *
 * The terminal sends it to every process of the group, and whoever started us (npm, the launcher under an older Node)
 * may pass on what it got itself. Taken as two, it would mean "end at once".
 */
import type { Clock } from '#lib/clock.ts';
import type { ProcessEvents } from '#lib/service/shutdown.ts';

/** Shorter than a person takes to press it again on purpose. */
export const ECHO_MS = 250;

/** @returns the same events, where a signal that comes again within 250 ms is left out. */
export function withoutEchoes(events: ProcessEvents, clock: Pick<Clock, 'monotonicMs'>): ProcessEvents {
  return {
    on(event, listener) {
      let heardMs = Number.NEGATIVE_INFINITY;
      return events.on(event, (argument) => {
        const nowMs = clock.monotonicMs();
        if (event.startsWith('SIG') && nowMs - heardMs < ECHO_MS) return;
        heardMs = nowMs;
        listener(argument);
      });
    },
  };
}
