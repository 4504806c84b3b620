/**
 * Progress for a person who waits: one line a finished step with its seconds, and a sign of life from a long one.
 */

export type Say = (line: string) => void;

/** Standard error, where a person sees it beside a test runner's report. */
export function sayOnStandardError(line: string): void {
  process.stderr.write(`[test cluster] ${line}\n`);
}

const PROGRESS_EVERY_MS = 15_000;

/** Runs `work` and says how long it took; every 15 s that it is still at it. */
export async function step<T>(name: string, say: Say, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const seconds = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  const repeated = setInterval(() => say(`${name}: ${seconds()}, going on`), PROGRESS_EVERY_MS);
  try {
    const result = await work();
    say(`${name}: ${seconds()}`);
    return result;
  } finally {
    clearInterval(repeated);
  }
}
