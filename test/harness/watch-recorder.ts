/**
 * Follows a watch in the background and keeps all it has said, so that a test can wait for what it expects.
 */
import type { Revision, Store, StoreEvent, WatchBatch } from '#lib/store/store.ts';
import { eventually } from './eventually.ts';

export class WatchRecorder implements AsyncDisposable {
  readonly batches: WatchBatch[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;
  #outcome: { readonly error: unknown } | undefined;

  constructor(store: Store, prefix: string, fromRevision: Revision) {
    this.#ended = this.#follow(store.watch(prefix, fromRevision, this.#stop.signal));
  }

  get events(): StoreEvent[] {
    return this.batches.flatMap(({ events }) => events);
  }

  /** "put /key=value" or "delete /key", in order. */
  get lines(): string[] {
    return this.events.map((event) =>
      event.kind === 'put' ? `put ${event.entry.key}=${event.entry.value}` : `delete ${event.key}`,
    );
  }

  get marks(): number {
    return this.batches.filter(({ events }) => events.length === 0).length;
  }

  /** Waits for the first batch, with which the watch stands. */
  async established(): Promise<void> {
    await this.until(({ batches }) => batches.length > 0, 'the watch is established');
  }

  /** @throws what ended the watch, when it ended before. */
  async until(holds: (recorder: this) => boolean, what: string, timeoutMs = 15_000): Promise<void> {
    await eventually(
      () => ({ holds: holds(this), events: this.events.length, ended: this.#outcome }),
      (seen) => seen.holds || seen.ended !== undefined,
      { what, timeoutMs, intervalMs: 10 },
    );
    if (!holds(this)) throw this.#outcome?.error ?? new Error(`the watch ended before: ${what}`);
  }

  /** Resolves when the watch has ended. @returns its error, undefined when it ended without one. */
  async ended(): Promise<unknown> {
    await this.#ended;
    return this.#outcome?.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #follow(watch: AsyncIterable<WatchBatch>): Promise<void> {
    try {
      for await (const batch of watch) this.batches.push(batch);
      this.#outcome = { error: undefined };
    } catch (error) {
      this.#outcome = { error };
    }
  }
}

export function revisionOf(event: StoreEvent): Revision {
  return event.kind === 'put' ? event.entry.modRevision : event.modRevision;
}
