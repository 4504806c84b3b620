/**
 * What a component makes of a watch: a map that follows a prefix, and every event it was given.
 */
import { Backoff } from '#lib/backoff.ts';
import { systemClock } from '#lib/clock.ts';
import { follow } from '#lib/store/follow.ts';
import type { Store, StoreEvent } from '#lib/store/store.ts';

export class StoreMirror implements AsyncDisposable {
  readonly events: StoreEvent[] = [];
  /** How often it had to list. */
  listings = 0;
  readonly #values = new Map<string, string>();
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;

  constructor(store: Store, prefix: string) {
    this.#following = follow({
      store,
      prefix,
      follower: {
        reset: ({ entries }) => {
          this.listings += 1;
          this.#values.clear();
          for (const { key, value } of entries) this.#values.set(key, value);
        },
        apply: ({ events }) => {
          for (const event of events) this.#apply(event);
        },
      },
      signal: this.#stop.signal,
      clock: systemClock,
      backoff: new Backoff({ baseMs: 50, capMs: 500, random: Math.random }),
    });
  }

  /** One text for all it holds, to compare with `contentOf`. */
  get content(): string {
    return asText(this.#values);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  #apply(event: StoreEvent): void {
    this.events.push(event);
    if (event.kind === 'put') this.#values.set(event.entry.key, event.entry.value);
    else this.#values.delete(event.key);
  }
}

/** The same text from a listing: what a mirror must hold. */
export async function contentOf(store: Store, prefix: string): Promise<string> {
  const { entries } = await store.list(prefix);
  return asText(new Map(entries.map(({ key, value }) => [key, value])));
}

function asText(values: ReadonlyMap<string, string>): string {
  return [...values]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join('\n');
}
