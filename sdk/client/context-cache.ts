/**
 * Answers to RequestContext, kept for as long as their server said, and its etag to ask "is this still so?" after that.
 * Equal questions at one time are one call, where its answer may be used again at all.
 *
 * The key holds the token's standing: whoever holds another token never sees what this one was shown.
 */
import { status } from '@grpc/grpc-js';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { abortable, atMost } from '#lib/time-limit.ts';
import type { ContextResponse__Output } from '#protos/generated/mcp2/ContextResponse.ts';
import { ResultStatus } from '#protos/generated/mcp2/ResultStatus.ts';
import { type RunningCall, remainingMs } from './attempts.ts';

export interface ContextAnswer {
  readonly response: ContextResponse__Output;
  /** Name of the server that gave it. */
  readonly server: string;
}

export interface CachedContext extends ContextAnswer {
  /** No server was asked for this call. */
  readonly isCached: boolean;
}

export interface ContextQuestion<Asking> {
  /** Handed on to `ask`. */
  readonly asking: Asking;
  /** Equal for questions that have one answer. Undefined: nothing is kept, nor shared. */
  readonly cacheKey: string | undefined;
  /** Ask, whatever is kept. */
  readonly fresh: boolean;
}

export interface ContextCacheOptions<Asking> {
  readonly clock: Clock;
  /** `etag`: of the copy that is kept; "" for none. */
  readonly ask: (asking: Asking, etag: string, running: RunningCall) => Promise<ContextAnswer>;
}

const MAX_ANSWERS = 1_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** A larger one is not kept. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Of a clock that a server counts by: nothing is used for longer. */
const MAX_TTL_MS = 24 * 60 * 60 * 1_000;

interface Kept extends ContextAnswer {
  /** On the monotonic clock. In the past: only its etag is of use. */
  readonly goodUntilMs: number;
}

export class ContextCache<Asking> {
  readonly #options: ContextCacheOptions<Asking>;
  readonly #kept = new LRUCache<string, Kept>({ max: MAX_ANSWERS, maxSize: MAX_BYTES });
  readonly #flights = new Map<string, Flight>();
  /** Questions whose answers are for one call alone: nobody waits for another's. */
  readonly #unshared = new LRUCache<string, true>({ max: MAX_ANSWERS });

  constructor(options: ContextCacheOptions<Asking>) {
    this.#options = options;
  }

  /** @throws CallError; the signal's reason */
  async read(question: ContextQuestion<Asking>, running: RunningCall): Promise<CachedContext> {
    const { asking, cacheKey, fresh } = question;
    if (cacheKey === undefined) return { ...(await this.#options.ask(asking, '', running)), isCached: false };
    const kept = this.#kept.get(cacheKey);
    if (!fresh && kept !== undefined && this.#options.clock.monotonicMs() < kept.goodUntilMs) {
      return { ...kept, isCached: true };
    }
    const flight = fresh || this.#unshared.has(cacheKey) ? undefined : this.#flights.get(cacheKey);
    const shared = flight === undefined || flight.isAbandoned ? undefined : await this.#join(flight, running);
    return shared === undefined ? this.#lead(asking, cacheKey, running) : { ...shared, isCached: true };
  }

  async #lead(asking: Asking, key: string, running: RunningCall): Promise<CachedContext> {
    const { clock } = this.#options;
    const flight = new Flight((signal) => this.#ask(asking, key, { ...running, signal }));
    if (this.#flights.get(key)?.isAbandoned !== false) this.#flights.set(key, flight);
    const leave = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.over.then(leave, leave);
    return { ...(await flight.wait(running, clock)), isCached: false };
  }

  /** @returns undefined when what it brought is nothing for others: they ask by themselves */
  async #join(flight: Flight, running: RunningCall): Promise<ContextAnswer | undefined> {
    try {
      const answer = await flight.wait(running, this.#options.clock);
      return ttlOf(answer.response) > 0 ? answer : undefined;
    } catch (error) {
      const wasItsOwn = error instanceof CallError && OF_ONE_CALL.includes(error.code);
      if (running.signal.aborted || !wasItsOwn || remainingMs(running, this.#options.clock) <= 1) throw error;
      return undefined;
    }
  }

  async #ask(asking: Asking, key: string, running: RunningCall): Promise<ContextAnswer> {
    const { ask, clock } = this.#options;
    const kept = this.#kept.get(key);
    const etag = kept?.response.etag ?? '';
    const askedMs = clock.monotonicMs();
    let answer = await ask(asking, etag, running);
    if (kept !== undefined && isUnchanged(answer.response, etag)) {
      // An etag means something to the server that gave it, and nothing to another one.
      answer =
        answer.server === kept.server
          ? { ...answer, response: { ...answer.response, ...bodyOf(kept.response) } }
          : await ask(asking, '', running);
    }
    this.#keep(key, answer, askedMs);
    return answer;
  }

  #keep(key: string, answer: ContextAnswer, askedMs: number): void {
    const { response } = answer;
    const ttlMs = ttlOf(response);
    if (ttlMs === 0) this.#unshared.set(key, true);
    else this.#unshared.delete(key);
    const size = response.serialized_value.length;
    const isFinal = response.status === ResultStatus.RESULT_STATUS_COMPLETE;
    if (!isFinal || size > MAX_ANSWER_BYTES || (ttlMs === 0 && response.etag === '')) {
      this.#kept.delete(key);
      return;
    }
    this.#kept.set(key, { ...answer, goodUntilMs: askedMs + ttlMs }, { size: size + 2 * key.length + 512 });
  }
}

/** They say something of the caller whose call it was. */
const OF_ONE_CALL: readonly status[] = [status.DEADLINE_EXCEEDED, status.CANCELLED];

/** One call for whoever waits for it; it ends with the last of them. */
class Flight {
  readonly over: Promise<ContextAnswer>;
  readonly #given = new AbortController();
  #waiting = 0;

  constructor(start: (signal: AbortSignal) => Promise<ContextAnswer>) {
    this.over = start(this.#given.signal);
    this.over.catch(() => undefined);
  }

  get isAbandoned(): boolean {
    return this.#given.signal.aborted;
  }

  /** @throws CallError DEADLINE_EXCEEDED when this caller's time is up; the signal's reason */
  async wait(running: RunningCall, clock: Clock): Promise<ContextAnswer> {
    const leftMs = remainingMs(running, clock);
    this.#waiting += 1;
    try {
      if (await atMost(leftMs, abortable(this.over, running.signal), clock)) return await this.over;
      throw new CallError('mcp2.ContextTool/RequestContext: no answer within its time', {
        code: status.DEADLINE_EXCEEDED,
        reason: 'DEADLINE_EXCEEDED',
      });
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#given.abort(new Error('nobody waits for it'));
    }
  }
}

function isUnchanged({ etag, serialized_value }: ContextResponse__Output, sent: string): boolean {
  return sent !== '' && etag === sent && serialized_value.length === 0;
}

function bodyOf({ serialized_value, content_type }: ContextResponse__Output) {
  return { serialized_value, content_type };
}

function ttlOf({ cache_ttl_ms }: ContextResponse__Output): number {
  return Math.min(MAX_TTL_MS, Math.max(0, cache_ttl_ms));
}
