/**
 * The answers of tool calls with an idempotency key, for 10 minutes: a call that comes again gets what the first one got, and
 * one that comes while the first still runs waits for it. Held over a reload, since it belongs to the process.
 *
 * What ran is kept, however it went; an error means that it did not run, and is not kept, except OUTCOME_UNKNOWN and an
 * answer that could not be sent: who asks again must not run the tool again then.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import { hasReason, ServiceError } from '#lib/errors.ts';
import type { KeyedCall } from './declaration.ts';

export const KEPT_MS = 10 * 60 * 1000;
const MAX_ENTRIES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** What an entry takes besides its bytes, roughly. */
const ENTRY_BYTES = 512;

/** Of a tool that ran, but whose answer is of no use. */
export class RanWithoutAnswer extends Error {
  override readonly cause: ServiceError | Error;
  constructor(cause: ServiceError | Error) {
    super(cause.message, { cause });
    this.name = 'RanWithoutAnswer';
    this.cause = cause;
  }
}

type Outcome =
  | { readonly kind: 'answer'; readonly bytes: Buffer }
  | { readonly kind: 'error'; readonly error: ServiceError };

interface Kept {
  readonly argumentsHash: string;
  readonly sinceMs: number;
  readonly outcome: Outcome;
}

interface Running {
  readonly argumentsHash: string;
  /** Resolves to what is kept, undefined for an error that is not. Never rejects. */
  readonly ended: Promise<Outcome | undefined>;
}

export interface KeptAnswersOptions {
  readonly clock: Clock;
  readonly onRepeat: () => void;
  /** An answer was dropped before its time. */
  readonly onDropped: () => void;
}

export class KeptAnswers {
  readonly #clock: Clock;
  readonly #onRepeat: () => void;
  readonly #kept: LRUCache<string, Kept>;
  /** Bounded by the calls that run. */
  readonly #running = new Map<string, Running>();

  constructor({ clock, onRepeat, onDropped }: KeptAnswersOptions) {
    this.#clock = clock;
    this.#onRepeat = onRepeat;
    this.#kept = new LRUCache({
      max: MAX_ENTRIES,
      maxSize: MAX_BYTES,
      sizeCalculation: ({ outcome }) => ENTRY_BYTES + (outcome.kind === 'answer' ? outcome.bytes.length : 0),
      disposeAfter: ({ sinceMs }, _id, why) => {
        if (why === 'evict' && this.#isFresh(sinceMs)) onDropped();
      },
    });
  }

  get size(): number {
    return this.#kept.size;
  }

  /**
   * The answer of the call with this id, from before or by running it now.
   *
   * @throws ServiceError IDEMPOTENCY_CONFLICT, and what the run fails with
   */
  async answer({ id, argumentsHash }: KeyedCall, run: () => Buffer | Promise<Buffer>): Promise<Buffer> {
    for (;;) {
      const known = this.#find(id);
      if (known === undefined) return this.#run(id, argumentsHash, run);
      if (known.argumentsHash !== argumentsHash) throw conflict();
      const outcome = 'outcome' in known ? known.outcome : await known.ended;
      // The first failed in a way that leaves nothing: this one is the first now.
      if (outcome === undefined) continue;
      this.#onRepeat();
      if (outcome.kind === 'answer') return outcome.bytes;
      throw outcome.error;
    }
  }

  #find(id: string): Kept | Running | undefined {
    // Not by the order of use: what is asked for again and again must not outlive its 10 minutes, nor push out others.
    const kept = this.#kept.peek(id);
    if (kept !== undefined && this.#isFresh(kept.sinceMs)) return kept;
    return this.#running.get(id);
  }

  #isFresh(sinceMs: number): boolean {
    return this.#clock.monotonicMs() - sinceMs < KEPT_MS;
  }

  async #run(id: string, argumentsHash: string, run: () => Buffer | Promise<Buffer>): Promise<Buffer> {
    const ended = Promise.withResolvers<Outcome | undefined>();
    this.#running.set(id, { argumentsHash, ended: ended.promise });
    let outcome: Outcome | undefined;
    try {
      const bytes = await run();
      outcome = { kind: 'answer', bytes };
      return bytes;
    } catch (error) {
      outcome = outcomeOf(error);
      throw error instanceof RanWithoutAnswer ? error.cause : error;
    } finally {
      if (outcome !== undefined) this.#kept.set(id, { argumentsHash, outcome, sinceMs: this.#clock.monotonicMs() });
      this.#running.delete(id);
      ended.resolve(outcome);
    }
  }
}

/** Without its cause, which was logged. */
function outcomeOf(error: unknown): Outcome | undefined {
  const failure = error instanceof RanWithoutAnswer ? error.cause : error;
  if (failure === error && !hasReason(error, 'OUTCOME_UNKNOWN')) return undefined;
  if (!(failure instanceof ServiceError)) {
    return {
      kind: 'error',
      error: new ServiceError('INTERNAL', 'internal error: the tool ran, and its answer is lost'),
    };
  }
  const { reason, message, metadata } = failure;
  return { kind: 'error', error: new ServiceError(reason, message, { metadata }) };
}

function conflict(): ServiceError {
  return new ServiceError(
    'IDEMPOTENCY_CONFLICT',
    'the idempotency_key was used with other arguments; use a new key for a new call',
  );
}
