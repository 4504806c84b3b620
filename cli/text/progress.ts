/** A line every two seconds about work that takes longer, for whoever waits in front of it. */
import type { Terminal } from '../terminal.ts';

const EVERY_MS = 2_000;

/** @param tell How far it is. @returns what the work resolves to. @throws what it throws */
export async function withProgress<Result>(
  work: Promise<Result>,
  tell: () => string,
  { clock, note }: Pick<Terminal, 'clock' | 'note'>,
): Promise<Result> {
  const done = new AbortController();
  const telling = tellUntil(done.signal);
  try {
    return await work;
  } finally {
    done.abort();
    await telling;
  }

  async function tellUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(EVERY_MS, signal).catch(() => undefined);
      if (!signal.aborted) note(tell());
    }
  }
}
