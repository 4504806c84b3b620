/**
 * What all streams of Subscribe share, whatever they deliver: the token that may end, the heartbeat, how messages go out and
 * what a reader that is too slow is told.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { EncodedBatch } from '#lib/grpc/method.ts';
import type { Revocations } from '#lib/token/revocations.ts';
import { requireValidNow, type VerifiedToken } from '#lib/token/verified-token.ts';
import type { Envelopes } from '../envelope.ts';
import type { Offset } from '../log/event-log.ts';
import type { EventBusMetrics } from '../metrics.ts';
import { Wakeup } from './wakeup.ts';

export interface SubscriberOptions {
  readonly token: VerifiedToken;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly envelopes: Envelopes;
  /** 0: the client wants no control envelopes. */
  readonly heartbeatMs: number;
  /** Aborts when the client leaves or the server stops. */
  readonly signal: AbortSignal;
  /** A durable subscription resumes by itself: its readers are given no cursor. */
  readonly isDurable: boolean;
  readonly counts: Pick<EventBusMetrics, 'delivered' | 'slowConsumer'>;
  /** It is ended because its reader took nothing. */
  readonly onSlow: () => void;
}

/** A token that is revoked ends its streams within 5 s, also silent ones. */
const RECHECK_MS = 4_000;

export class Subscriber {
  readonly wakeup: Wakeup;
  readonly #options: SubscriberOptions;
  #failure: Error | undefined;
  #lastSentMs: number;
  #hasSent = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { clock, signal } = options;
    this.wakeup = new Wakeup(clock);
    this.#lastSentMs = clock.monotonicMs();
    signal.addEventListener('abort', this.wakeup.wake, { once: true });
  }

  get wantsControl(): boolean {
    return this.#options.heartbeatMs > 0;
  }

  /** Ends the stream with this error. The first one stays. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.wakeup.wake();
  }

  /** @throws why the stream has ended: the client left, the token is not valid any more, or what `fail` was told */
  requireOpen(): void {
    const { signal, token, clock, revocations } = this.#options;
    if (this.#failure !== undefined) throw this.#failure;
    signal.throwIfAborted();
    requireValidNow(token, clock.nowMs(), revocations);
  }

  /** @param last Of the last event in `messages`: where a reader that is ended for its slowness goes on. */
  batch(messages: readonly Buffer[], last: Offset): EncodedBatch {
    this.#options.counts.delivered(messages.length);
    return this.#send(messages, last);
  }

  #send(messages: readonly Buffer[], last: Offset): EncodedBatch {
    this.#lastSentMs = this.#options.clock.monotonicMs();
    this.#hasSent = true;
    return new EncodedBatch(messages, () => this.#slow(last));
  }

  /**
   * Only to be asked when everything was delivered. Where that was nothing the first one is due at once: a client learns that
   * its subscription is open, and from where it may resume.
   *
   * @returns the heartbeat that is due; undefined when none is
   */
  heartbeat(offset: Offset): EncodedBatch | undefined {
    const isQuiet = this.#options.clock.monotonicMs() >= this.#lastSentMs + this.#options.heartbeatMs;
    if (!this.wantsControl || (this.#hasSent && !isQuiet)) return undefined;
    return this.#send([this.#options.envelopes.heartbeat(offset)], offset);
  }

  /** Until something happens. @param untilMs Monotonic; the latest time to look again. */
  async wait(untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { clock, token, heartbeatMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const tokenMs = nowMs + Math.min(RECHECK_MS, Math.max(0, token.exp * 1000 - clock.nowMs()));
    const beatMs = heartbeatMs > 0 ? this.#lastSentMs + heartbeatMs : Number.POSITIVE_INFINITY;
    // One that is overdue is not sent before everything was delivered: waiting for it would be no waiting at all.
    await this.wakeup.until(Math.min(untilMs, tokenMs, beatMs > nowMs ? beatMs : Number.POSITIVE_INFINITY));
  }

  close(): void {
    this.#options.signal.removeEventListener('abort', this.wakeup.wake);
    this.wakeup.close();
  }

  #slow(last: Offset): ServiceError {
    const { envelopes, isDurable, counts, onSlow } = this.#options;
    counts.slowConsumer();
    onSlow();
    const cursor = envelopes.cursor(last).toString('base64url');
    return new ServiceError('SLOW_CONSUMER', 'the reader took nothing for too long; resume from the last event seen', {
      metadata: isDurable ? {} : { resume_cursor: cursor },
    });
  }
}
