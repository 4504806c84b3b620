/**
 * What one caller may take of the bus, counted in this process. Callers are remembered as long as they are among the last
 * 10,000: who is forgotten has been idle, and begins with a full budget as it would by then anyway.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { CallerKey } from './caller-key.ts';
import type { QuotaSettings } from './quota-settings.ts';
import { TokenBucket } from './token-bucket.ts';

const MAX_CALLERS = 10_000;

interface Budget {
  readonly publishes: TokenBucket;
  readonly bytes: TokenBucket;
  readonly newTopics: TokenBucket;
}

export class Quotas {
  readonly #settings: QuotaSettings;
  readonly #clock: Clock;
  readonly #budgets = new LRUCache<CallerKey, Budget>({ max: MAX_CALLERS });
  /** Open streams; no more callers than there are streams. */
  readonly #streams = new Map<CallerKey, number>();

  constructor(settings: QuotaSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** @returns the refusal; undefined when the publish was counted */
  takePublish(caller: CallerKey, bytes: number): ServiceError | undefined {
    const nowMs = this.#clock.monotonicMs();
    const budget = this.#budgetOf(caller);
    const waitMs = Math.max(budget.publishes.missingMs(1, nowMs), budget.bytes.missingMs(bytes, nowMs));
    if (waitMs > 0) {
      const { publishesPerSecond, bytesPerSecond } = this.#settings;
      const rule = `${publishesPerSecond} publishes and ${bytesPerSecond} bytes a second`;
      return exceeded(`the publisher's quota of ${rule} is spent; try again in ${waitMs} ms`, waitMs);
    }
    budget.publishes.take(1, nowMs);
    budget.bytes.take(bytes, nowMs);
    return undefined;
  }

  /** A duplicate costs nothing. */
  giveBackPublish(caller: CallerKey, bytes: number): void {
    const budget = this.#budgetOf(caller);
    budget.publishes.giveBack(1);
    budget.bytes.giveBack(bytes);
  }

  /** @returns the refusal; undefined when the topic was counted */
  takeNewTopic(caller: CallerKey): ServiceError | undefined {
    const { newTopicsPerMinute } = this.#settings;
    const waitMs = this.#budgetOf(caller).newTopics.take(1, this.#clock.monotonicMs());
    if (waitMs === 0) return undefined;
    return exceeded(
      `the publisher began ${newTopicsPerMinute} topics within a minute; try again in ${waitMs} ms`,
      waitMs,
    );
  }

  giveBackNewTopic(caller: CallerKey): void {
    this.#budgetOf(caller).newTopics.giveBack(1);
  }

  /** @returns what ends the stream's place. @throws ServiceError QUOTA_EXCEEDED */
  openStream(caller: CallerKey): () => void {
    const open = this.#streams.get(caller) ?? 0;
    if (open >= this.#settings.subscriptions) {
      throw exceeded(`the subscriber has ${open} open subscriptions, as many as it may; close one first`);
    }
    this.#streams.set(caller, open + 1);
    return () => {
      const left = (this.#streams.get(caller) ?? 1) - 1;
      if (left === 0) this.#streams.delete(caller);
      else this.#streams.set(caller, left);
    };
  }

  #budgetOf(caller: CallerKey): Budget {
    const known = this.#budgets.get(caller);
    if (known !== undefined) return known;
    const nowMs = this.#clock.monotonicMs();
    const { publishesPerSecond, publishBurst, bytesPerSecond, byteBurst, newTopicsPerMinute } = this.#settings;
    const budget = {
      publishes: new TokenBucket(publishesPerSecond, publishBurst, nowMs),
      bytes: new TokenBucket(bytesPerSecond, byteBurst, nowMs),
      newTopics: new TokenBucket(newTopicsPerMinute / 60, newTopicsPerMinute, nowMs),
    };
    this.#budgets.set(caller, budget);
    return budget;
  }
}

/** RetryInfo only where waiting helps. */
function exceeded(message: string, retryAfterMs?: number): ServiceError {
  return new ServiceError('QUOTA_EXCEEDED', message, { retryAfterMs });
}
