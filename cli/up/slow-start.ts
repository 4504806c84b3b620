/** What a start of `mcp2 up` that takes long waits for: said once, so that nobody looks at the wrong thing. */
import { once } from 'node:events';
import type { Clock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import { createKeys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import type { Terminal } from '../terminal.ts';

/** After so long without a word people wonder. */
const SLOW_MS = 3_000;
const ASK_AGAIN_MS = 250;

export interface SlowStart {
  readonly store: Pick<Store, 'get'>;
  /** As it was named; undefined for the embedded store. */
  readonly etcd: string | undefined;
  /** The folder of files, as people see it. */
  readonly files: string;
  readonly terminal: Pick<Terminal, 'clock' | 'note'>;
  /** Aborts when the end begins. */
  readonly signal: AbortSignal;
}

/** @returns what the work resolves to. @throws what it throws */
export async function tellIfSlow<Result>(
  work: Promise<Result>,
  { store, etcd, files, terminal, signal }: SlowStart,
): Promise<Result> {
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  let answers = false;
  const [result] = await Promise.all([work.finally(() => done.abort()), ask(), tell()]);
  return result;

  async function ask(): Promise<void> {
    answers = await untilAnswers(store, terminal.clock, ended);
  }

  async function tell(): Promise<void> {
    await terminal.clock.sleep(SLOW_MS, ended).catch(() => undefined);
    // Its answer may wait behind our own work: a turn of the event loop shows it.
    if (!answers) await terminal.clock.sleep(ASK_AGAIN_MS, ended).catch(() => undefined);
    if (ended.aborted) return;
    const where = etcd === undefined ? '' : ` at ${etcd}`;
    terminal.note(answers ? `Waiting for the servers of ${files} to start …` : `Waiting for the store${where} …`);
  }
}

/** A store may also keep silent. @returns false when the signal aborted before the store answered */
async function untilAnswers(store: SlowStart['store'], clock: Clock, signal: AbortSignal): Promise<boolean> {
  const key = createKeys().server('any');
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort');
  while (!signal.aborted) {
    try {
      await Promise.race([store.get(key), aborted]);
      return !signal.aborted;
    } catch (error) {
      if (!hasReason(error, 'STORE_UNAVAILABLE')) throw error;
      await clock.sleep(ASK_AGAIN_MS, signal).catch(() => undefined);
    }
  }
  return false;
}
