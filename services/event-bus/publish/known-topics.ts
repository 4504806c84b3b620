import { LRUCache } from 'lru-cache';

const MAX_TOPICS = 100_000;

/** Topics that were published to of late: no quota of new topics is asked for them. */
export class KnownTopics {
  readonly #topics = new LRUCache<string, true>({ max: MAX_TOPICS });

  has(topic: string): boolean {
    return this.#topics.has(topic);
  }

  add(topic: string): void {
    this.#topics.set(topic, true);
  }
}
