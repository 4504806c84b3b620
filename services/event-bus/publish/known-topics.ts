import { LRUCache } from 'lru-cache';

const MAX_TOPICS = 100_000;

/** Topics that were published to of late, or are being published to now: no quota of new topics is asked for them. */
export class KnownTopics {
  readonly #topics = new LRUCache<string, true>({ max: MAX_TOPICS });
  /** At most one for each publish that is on its way. */
  readonly #beginning = new Set<string>();

  /** @returns true for the first publish of a topic that may be new; it must be followed by `ended` */
  begins(topic: string): boolean {
    if (this.#topics.has(topic) || this.#beginning.has(topic)) return false;
    this.#beginning.add(topic);
    return true;
  }

  ended(topic: string): void {
    this.#beginning.delete(topic);
  }

  add(topic: string): void {
    this.#topics.set(topic, true);
  }
}
