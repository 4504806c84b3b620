/**
 * The keys of one issuer over time: read, kept in memory, read again when due or when an unknown kid turns up.
 *
 * `current` never waits, because it is asked on every call. When keys are so old that they must be read again first, it
 * answers nothing and the caller takes the slow path through `find`, which waits for that. There are no timers: an idle
 * process reads nothing, and the first call after a long rest reads first.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { KeySet, VerificationKey } from './key-set.ts';

export interface KeySource {
  /** The keys that may be used right now, or undefined when they have to be read first. Never waits. */
  current(): ReadonlyMap<string, VerificationKey> | undefined;
  /**
   * The key of this kid, reading the keys again when they are too old or (at most every 30 s) the kid is unknown.
   *
   * @throws ServiceError STORE_UNAVAILABLE while no usable keys could be read
   */
  find(kid: string): Promise<VerificationKey | undefined>;
  /** Reads the keys now; for start-up, so that a wrong setting is reported then. @throws what reading throws */
  refresh(): Promise<void>;
}

export interface RefreshPolicy {
  /** Older than this, the keys are read again in the background while calls go on. */
  readonly refreshAfterMs: number;
  /** Older than this, calls wait until they were read again. */
  readonly maxAgeMs: number;
  /** While reading fails, the last good keys are used for this long. */
  readonly maxStaleMs: number;
  /** After a failure, the least time until the next attempt. */
  readonly retryAfterMs: number;
}

export interface KeySourceOptions {
  readonly clock: Clock;
  readonly policy: RefreshPolicy;
  /** The key set, or undefined when it is the one that the last successful call gave. */
  readonly read: () => Promise<KeySet | undefined>;
  /** Told about each set that was read anew, for the log. */
  readonly onRead?: ((keys: KeySet) => void) | undefined;
  /** Told about each failure, for the log. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** How often an unknown kid may make us read the keys: anyone can invent one. */
export const UNKNOWN_KID_COOLDOWN_MS = 30_000;

export function createKeySource(options: KeySourceOptions): KeySource {
  return new RefreshingKeySource(options);
}

class RefreshingKeySource implements KeySource {
  readonly #options: KeySourceOptions;
  #keys: ReadonlyMap<string, VerificationKey> | undefined;
  #reading: Promise<void> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #attemptedAtMs = Number.NEGATIVE_INFINITY;
  #unknownKidAtMs = Number.NEGATIVE_INFINITY;
  #failure: unknown;

  constructor(options: KeySourceOptions) {
    this.#options = options;
  }

  current(): ReadonlyMap<string, VerificationKey> | undefined {
    const { refreshAfterMs, maxAgeMs, maxStaleMs, retryAfterMs } = this.#options.policy;
    const nowMs = this.#options.clock.monotonicMs();
    const sinceAttemptMs = nowMs - this.#attemptedAtMs;
    if (this.#keys === undefined || sinceAttemptMs > maxAgeMs || nowMs - this.#readAtMs > maxStaleMs) return undefined;
    if (sinceAttemptMs > (this.#failure === undefined ? refreshAfterMs : Math.min(retryAfterMs, refreshAfterMs))) {
      this.refresh().catch(() => {}); // Reported through onFailure; the keys at hand still serve.
    }
    return this.#keys;
  }

  async find(kid: string): Promise<VerificationKey | undefined> {
    const keys = this.current() ?? (await this.#readThenCurrent());
    const key = keys.get(kid);
    if (key !== undefined || !this.#mayReadForUnknownKid()) return key;
    await this.refresh().catch(() => {});
    return this.current()?.get(kid);
  }

  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readThenCurrent(): Promise<ReadonlyMap<string, VerificationKey>> {
    const { clock, policy } = this.#options;
    const mayAttempt = this.#failure === undefined || clock.monotonicMs() - this.#attemptedAtMs >= policy.retryAfterMs;
    if (mayAttempt || this.#reading) await this.refresh().catch(() => {});
    const keys = this.current();
    if (keys !== undefined) return keys;
    throw new ServiceError('STORE_UNAVAILABLE', 'the keys of the token issuer cannot be read at the moment; try again');
  }

  async #read(): Promise<void> {
    const { clock, read, onRead, onFailure } = this.#options;
    try {
      const set = await read();
      if (set !== undefined) {
        this.#keys = set.keys;
        onRead?.(set);
      }
      this.#readAtMs = clock.monotonicMs();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      onFailure?.(error);
      throw error;
    } finally {
      this.#attemptedAtMs = clock.monotonicMs();
    }
  }

  /** Joins a reading that is under way; begins one at most every 30 s. */
  #mayReadForUnknownKid(): boolean {
    if (this.#reading !== undefined) return true;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#unknownKidAtMs < UNKNOWN_KID_COOLDOWN_MS) return false;
    this.#unknownKidAtMs = nowMs;
    return true;
  }
}
