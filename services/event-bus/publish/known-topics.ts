import { LRUCache } from 'lru-cache';

const MAX_TOPICS = 100_000;

/** Topics that were published to of late: no quota of new topics is asked for them. */
export class KnownTopics {
  readonly #topics = new LRUCache<string, true>({ max: MAX_TOPICS });
  /** Those that a publish on its way may begin; at most one for each. */
  readonly #beginning = new Set<string>();

  has(topic: string): boolean {
    return this.#topics.has(topic);
  }

  add(topic: string): void {
    this.#topics.set(topic, true);
  }

  isBeginning(topic: string): boolean {
    return this.#beginning.has(topic);
  }

  /** To be followed by `ended`. */
  begin(topic: string): void {
    this.#beginning.add(topic);
  }

  ended(topic: string): void {
    this.#beginning.delete(topic);
  }
}
