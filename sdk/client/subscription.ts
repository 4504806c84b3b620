/**
 * A subscription that goes on by itself: over streams that break, a bus that restarts, and tokens that end. The next stream is
 * opened before the token of the last one ends; what both bring is given to the reader once.
 *
 * One stream is current and read. A candidate is opened beside it, and takes its place with its first envelope, or when the
 * current one ends. Where a stream begins and which of its events are doubles is decided in stream-position.ts, and for
 * acknowledged events in held-deliveries.ts.
 */
import { status } from '@grpc/grpc-js';
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { abortable, atMost } from '#lib/time-limit.ts';
import { AckMode } from '#protos/generated/mcp2/AckMode.ts';
import { ControlKind } from '#protos/generated/mcp2/ControlKind.ts';
import type { EventControl__Output } from '#protos/generated/mcp2/EventControl.ts';
import type { EventEnvelope__Output } from '#protos/generated/mcp2/EventEnvelope.ts';
import { Acknowledging } from './acknowledging.ts';
import { EventBuffer } from './event-buffer.ts';
import type { EventBusConnection } from './event-bus-connection.ts';
import { fateOfSubscription, isBroken } from './event-failures.ts';
import { EventStream } from './event-stream.ts';
import { standingOf } from './held-capabilities.ts';
import type { LayeredCalls } from './layered-calls.ts';
import { type ReceivedEvent, toReceivedEvent } from './received-event.ts';
import { StreamPosition } from './stream-position.ts';
import { HEARTBEAT_MS, type SubscribeOptions, type SubscribeTerms, toSubscribeRequest } from './subscribe-request.ts';
import { takeToken } from './token-source.ts';

export interface Subscription extends AsyncIterableIterator<ReceivedEvent, undefined>, AsyncDisposable {
  /**
   * Resolves when the bus has answered: what is published from then on is delivered, also with `from: 'new'`.
   *
   * @throws as the loop does, when the subscription ends before
   */
  readonly ready: Promise<void>;
  /** As leaving a loop over it does: `close`. */
  return(): Promise<IteratorResult<ReceivedEvent, undefined>>;
  /** Ends the stream, and the loop over it; acknowledgements that are on their way are sent. A second time does nothing. */
  close(): Promise<void>;
}

export interface SubscriptionParts {
  readonly connect: () => Promise<EventBusConnection>;
  readonly calls: LayeredCalls;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Of events that came and were not taken. */
const BUFFER = { maxItems: 64, maxBytes: 1024 * 1024 } as const;
const DEADLINE_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5_000;
/** Before a token ends; of one that lives shorter, half of what is left. */
const RENEW_BEFORE_MS = 30_000;
/** How often a source is asked for a newer token. */
const ASK_TOKEN_MS = 2_000;
/** How long an expired token may stay the only one. */
const WITHOUT_TOKEN_MS = 30_000;
/** A timer that is longer fires at once. */
const MAX_SLEEP_MS = 2 ** 30;
const PATIENCE_MS = 2.5 * HEARTBEAT_MS;
/** A filter that matches little can keep a bus busy with its log for minutes, in which it says nothing. */
const MAX_PATIENCE_MS = 16 * PATIENCE_MS;
/** For acknowledgements, when the reader has left. */
const FLUSH_MS = 2_000;

interface Buffered {
  readonly event: ReceivedEvent;
  readonly taken: () => void;
}

export class EventSubscription implements Subscription {
  readonly ready: Promise<void>;
  readonly #parts: SubscriptionParts;
  readonly #options: SubscribeOptions;
  readonly #terms: SubscribeTerms;
  readonly #position: StreamPosition;
  readonly #acknowledging: Acknowledging | undefined;
  readonly #buffer: EventBuffer<Buffered>;
  readonly #ending = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #backoff: Backoff;
  readonly #pumps = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  readonly #startedMs: number;
  #current: EventStream | undefined;
  #candidate: { readonly stream: EventStream; readonly settled: PromiseWithResolvers<void> } | undefined;
  #broken = Promise.withResolvers<unknown>();
  #streams = 0;
  #patienceMs = PATIENCE_MS;
  #wasOpen = false;
  #withoutTokenSinceMs: number | undefined;
  #closed: Promise<void> | undefined;

  /** @throws TypeError for options that say nothing; CallError when the client is closed */
  constructor(filter: string, options: SubscribeOptions, parts: SubscriptionParts) {
    this.#parts = parts;
    this.#options = options;
    this.#terms = toSubscribeRequest(filter, options);
    this.#position = new StreamPosition(this.#terms);
    const isExplicit = this.#terms.ack_mode === AckMode.ACK_MODE_EXPLICIT;
    this.#acknowledging = isExplicit ? new Acknowledging(this.#terms, parts) : undefined;
    const sizeOf = ({ event }: Buffered) => event.payload.length + 200;
    this.#buffer = new EventBuffer({ ...BUFFER, sizeOf, onTaken: ({ taken }) => taken() });
    this.#backoff = new Backoff({ baseMs: FIRST_PAUSE_MS, capMs: LAST_PAUSE_MS, random: parts.random });
    this.#startedMs = parts.clock.monotonicMs();
    this.ready = this.#opened.promise;
    // Who does not wait for it hears of a failure in the loop.
    this.ready.catch(() => undefined);
    const forget = parts.calls.endWith(this.#ending);
    this.#running = this.#run().finally(forget);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    const { done, value } = await this.#buffer.take();
    return done ? { done, value } : { done: false, value: value.event };
  }

  async return(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#buffer.clear();
    this.#opened.reject(new Error('the subscription was closed before the bus answered'));
    this.#ending.abort(new Error('the subscription is closed'));
    await this.#running;
    await atMost(FLUSH_MS, this.#acknowledging?.flushed() ?? Promise.resolve(), this.#parts.clock);
  }

  /** Until the end. Never rejects: the reader hears of it. */
  async #run(): Promise<void> {
    const { signal } = this.#options;
    const giveUp = () => this.#ending.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      signal?.throwIfAborted();
      const connection = await abortable(this.#parts.connect(), this.#ending.signal);
      for (;;) await this.#goOn(await this.#follow(connection));
    } catch (error) {
      this.#buffer.end({ error });
      this.#opened.reject(error);
      this.#ending.abort(error);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      await Promise.all(this.#pumps);
    }
  }

  /** Until no stream is left. @returns why the last one ended */
  async #follow(connection: EventBusConnection): Promise<unknown> {
    const round = new AbortController();
    const end = () => round.abort();
    this.#ending.signal.addEventListener('abort', end, { once: true });
    try {
      const token = await takeToken(connection.token);
      this.#ending.signal.throwIfAborted();
      this.#broken = Promise.withResolvers();
      this.#current = this.#begin(connection, token);
      const renewing = this.#renew(connection, round.signal);
      const cause = await abortable(this.#broken.promise, this.#ending.signal).finally(end);
      await renewing;
      return cause;
    } catch (error) {
      return error;
    } finally {
      this.#ending.signal.removeEventListener('abort', end);
    }
  }

  /** Waits before the next stream. @throws what ends the subscription */
  async #goOn(cause: unknown): Promise<void> {
    const { signal } = this.#ending;
    signal.throwIfAborted();
    if (!(cause instanceof CallError)) throw cause;
    const { clock } = this.#parts;
    const fate = fateOfSubscription(cause, this.#wasOpen);
    if (fate.kind === 'end') throw cause;
    const nowMs = clock.monotonicMs();
    if (fate.kind !== 'renew') this.#withoutTokenSinceMs = undefined;
    else this.#withoutTokenSinceMs ??= nowMs;
    if (nowMs - (this.#withoutTokenSinceMs ?? nowMs) > WITHOUT_TOKEN_MS) throw cause;
    const pauseMs = Math.max(fate.kind === 'resume' ? fate.afterMs : 0, this.#backoff.nextMs());
    const { deadlineMs = DEADLINE_MS, onResume } = this.#options;
    if (!this.#wasOpen && nowMs + pauseMs > this.#startedMs + deadlineMs) throw cause;
    onResume?.({ cause, pauseMs });
    const { resume_cursor } = cause.facts;
    if (resume_cursor !== undefined && this.#position.isUnknown) {
      this.#position.skipTo(Buffer.from(resume_cursor, 'base64url'));
    }
    this.#position.restart();
    await clock.sleep(pauseMs, signal);
  }

  #begin(connection: EventBusConnection, token: string): EventStream {
    const { calls, clock } = this.#parts;
    this.#streams += 1;
    const stream = new EventStream({
      ...{ connection, calls, clock, token },
      request: this.#position.request(),
      signal: this.#ending.signal,
      patienceMs: this.#patienceMs,
      isExpecting: () => !this.#acknowledging?.isFull,
    });
    const pump = this.#pump(stream, this.#streams).finally(() => this.#pumps.delete(pump));
    this.#pumps.add(pump);
    return stream;
  }

  /** Never rejects. */
  async #pump(stream: EventStream, number: number): Promise<void> {
    const startedMs = this.#parts.clock.monotonicMs();
    try {
      for await (const envelope of stream.read()) {
        if (this.#candidate?.stream === stream) this.#promote();
        if (this.#current !== stream) return;
        await this.#take(envelope, number);
      }
      throw new CallError('the event bus ended the stream', { code: status.UNAVAILABLE });
    } catch (error) {
      const livedMs = this.#parts.clock.monotonicMs() - startedMs;
      this.#ended(stream, error, livedMs);
    }
  }

  #take(envelope: EventEnvelope__Output, number: number): Promise<void> | undefined {
    this.#wasOpen = true;
    this.#patienceMs = PATIENCE_MS;
    this.#withoutTokenSinceMs = undefined;
    this.#backoff.reset();
    this.#opened.resolve();
    const { control, cursor } = envelope;
    if (control) {
      this.#heed(control, cursor);
      return undefined;
    }
    if (this.#acknowledging !== undefined && envelope.ack_id !== '') {
      const delivery = this.#acknowledging.receive(envelope, number);
      return delivery && this.#buffer.add({ event: toReceivedEvent(envelope, delivery.settle), taken: delivery.taken });
    }
    if (!this.#position.accept(envelope)) return undefined;
    return this.#buffer.add({ event: toReceivedEvent(envelope, undefined), taken: () => undefined });
  }

  #heed({ kind, cursor: own, missed }: EventControl__Output, outer: Buffer): void {
    const cursor = own.length > 0 ? own : outer;
    if (kind === ControlKind.CONTROL_KIND_HEARTBEAT) this.#position.arrive(cursor);
    if (kind !== ControlKind.CONTROL_KIND_GAP) return;
    this.#position.skipTo(cursor);
    this.#options.onGap?.({ missed: missed > 0 ? missed : undefined, cursor });
  }

  /** The candidate has taken the place of the current stream. */
  #promote(): void {
    const { stream, settled } = this.#candidate ?? {};
    this.#candidate = undefined;
    const former = this.#current;
    this.#current = stream;
    former?.end(new Error('the next stream has taken its place'));
    settled?.resolve();
  }

  #ended(stream: EventStream, error: unknown, livedMs: number): void {
    if (this.#candidate?.stream === stream) {
      const { settled } = this.#candidate;
      this.#candidate = undefined;
      settled.resolve();
    } else if (this.#current === stream && this.#candidate !== undefined) this.#promote();
    else if (this.#current === stream) {
      this.#current = undefined;
      const isCut = error instanceof CallError && error.reachedServer && isBroken(error);
      this.#wasOpen ||= isCut && livedMs >= 1_000;
      if (stream.count === 0) this.#patienceMs = Math.min(MAX_PATIENCE_MS, this.#patienceMs * 2);
      this.#broken.resolve(error);
    }
  }

  /** Opens the next stream before the token of the current one ends, for as long as there is one. Never rejects. */
  async #renew(connection: EventBusConnection, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    const backoff = new Backoff({ baseMs: FIRST_PAUSE_MS, capMs: LAST_PAUSE_MS, random });
    let next = this.#renewAfterMs();
    try {
      for (;;) {
        await clock.sleep(next, signal);
        const token = await takeToken(connection.token).catch(() => '');
        const current = this.#current?.token;
        if (token === '' || token === current || this.#position.isInPhase) {
          next = Math.max(ASK_TOKEN_MS / 20, this.#renewAfterMs());
          if (next < MAX_SLEEP_MS) next = Math.min(ASK_TOKEN_MS, next);
          continue;
        }
        signal.throwIfAborted();
        const settled = Promise.withResolvers<void>();
        this.#candidate = { stream: this.#begin(connection, token), settled };
        await abortable(settled.promise, signal);
        const isRenewed = this.#current?.token === token;
        if (isRenewed) backoff.reset();
        next = isRenewed ? this.#renewAfterMs() : backoff.nextMs();
      }
    } catch {
      // The round is over.
    }
  }

  #renewAfterMs(): number {
    const { clock } = this.#parts;
    const leftMs = standingOf(this.#current?.token ?? '').endsAtMs - clock.nowMs();
    return Math.min(MAX_SLEEP_MS, Math.max(0, leftMs - Math.min(RENEW_BEFORE_MS, leftMs / 2)));
  }
}
