/**
 * What new calls are answered from: the offer in force, with the context answers that were made from it.
 *
 * A reload puts another one in its place in one step. Calls that run end on the one that they began with, and what they put
 * into its cache then is seen by nobody.
 */
import { LRUCache } from 'lru-cache';
import type { EncodedContext } from './context-answer.ts';
import type { Offer } from './offer.ts';

export interface KeptContext {
  readonly answer: EncodedContext;
  /** Monotonic: when its reading began. */
  readonly sinceMs: number;
  readonly ttlMs: number;
}

export interface Serving {
  readonly offer: Offer;
  /** Counts the offers of this process, from 1. */
  readonly generation: number;
  readonly cache: ContextCache;
}

/** Of all kept answers. One larger than an eighth of it would push out too many others. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ENTRY_BYTES = MAX_BYTES / 8;

export class ContextCache {
  readonly #kept = new LRUCache<string, KeptContext>({ maxSize: MAX_BYTES, maxEntrySize: MAX_ENTRY_BYTES });
  /** Bounded by the calls that run. */
  readonly #reading = new Map<string, Promise<void>>();

  get byteLength(): number {
    return this.#kept.calculatedSize;
  }

  /** @param nowMs Monotonic. */
  find(key: string, nowMs: number): KeptContext | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && nowMs - kept.sinceMs < kept.ttlMs ? kept : undefined;
  }

  keep(key: string, kept: KeptContext): void {
    this.#kept.set(key, kept, { size: kept.answer.byteLength + 2 * key.length });
  }

  /** Ends when whoever reads this key has an answer, or none; never rejects. */
  readingOf(key: string): Promise<void> | undefined {
    return this.#reading.get(key);
  }

  beginReading(key: string, reading: Promise<unknown>): void {
    const end = () => {
      this.#reading.delete(key);
    };
    this.#reading.set(key, reading.then(end, end));
  }
}
