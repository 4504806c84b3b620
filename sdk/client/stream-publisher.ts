/**
 * A publisher over one stream: many events on their way at once, each answered on its own, in order within each topic. A
 * stream that breaks is opened again, and what was not acknowledged is sent once more under the same ids.
 */
import { status } from '@grpc/grpc-js';
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { retryDelayMsOf } from '#lib/grpc/status.ts';
import { abortable, atMost } from '#lib/time-limit.ts';
import type { EventBusConnection } from './event-bus-connection.ts';
import { isAboutCredential, isBroken, isUncertain, repeatDelayMs, SAFE_REPEAT_MS } from './event-failures.ts';
import {
  type EventPayload,
  type Published,
  type PublishOptions,
  type PublishRequest,
  sizeOfRequest,
  toPublished,
  toPublishRequest,
} from './event-request.ts';
import type { LayeredCalls } from './layered-calls.ts';
import { PublishQueue } from './publish-queue.ts';
import { PublishStream } from './publish-stream.ts';
import { takeToken } from './token-source.ts';

export interface PublisherOptions {
  /** Events that are not settled; then `publish()` waits. Default and most 1,024; together they have at most 4 MiB. */
  readonly maxInFlight?: number;
  /**
   * Send the next event of a topic before the last one was answered. Faster where one topic has many events; their order
   * then holds unless the bus refuses one for now, for example because a quota is spent. Default false.
   */
  readonly pipelined?: boolean;
  /** Ends the publisher: what is not settled fails with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Publisher extends AsyncDisposable {
  /**
   * Resolves when the bus holds the event.
   *
   * @throws CallError when it was refused, or not acknowledged in time; TypeError for what cannot be sent
   */
  publish(topic: string, payload: EventPayload, options?: PublishOptions): Promise<Published>;
  /** Resolves when everything that was published before is settled, well or not. */
  flush(): Promise<void>;
  /** Settles what was published, then ends the stream. A second call waits for the first. */
  close(): Promise<void>;
}

interface PendingEvent {
  readonly topic: string;
  readonly bytes: number;
  readonly request: PublishRequest;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
  /** On the monotonic clock. */
  endMs: number;
  sentMs: number;
  lastError: CallError | undefined;
  isSettled: boolean;
}

const MAX_IN_FLIGHT = 1_024;
const MAX_BYTES = 4 * 1024 * 1024;
/** Calls of `publish()` that wait for room. */
const MAX_WAITING = 100_000;
const DEADLINE_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
/** How often deadlines are looked at. */
const LOOK_MS = 200;
/** For the bus to end a stream that was half-closed. */
const END_MS = 2_000;

export interface StreamPublisherParts {
  readonly connect: () => Promise<EventBusConnection>;
  readonly calls: LayeredCalls;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export class StreamPublisher implements Publisher {
  readonly #parts: StreamPublisherParts;
  readonly #queue: PublishQueue<PendingEvent>;
  /** For room in the queue, in the order of their calls; those that were given up among them. */
  #waiting: PendingEvent[] = [];
  #firstWaiting = 0;
  readonly #backoff: Backoff;
  readonly #ending = new AbortController();
  #stream: PublishStream<PendingEvent> | undefined;
  #wake: () => void = () => undefined;
  #settledOne: () => void = () => undefined;
  #isLooking = false;
  #looking: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    { maxInFlight = MAX_IN_FLIGHT, pipelined = false, signal }: PublisherOptions,
    parts: StreamPublisherParts,
  ) {
    if (!(Number.isSafeInteger(maxInFlight) && maxInFlight >= 1 && maxInFlight <= MAX_IN_FLIGHT)) {
      throw new TypeError(`maxInFlight is a whole number from 1 to ${MAX_IN_FLIGHT}`);
    }
    this.#parts = parts;
    this.#queue = new PublishQueue({ maxEvents: maxInFlight, maxBytes: MAX_BYTES, pipelined });
    this.#backoff = new Backoff({ baseMs: FIRST_PAUSE_MS, capMs: LAST_PAUSE_MS, random: parts.random });
    const forget = parts.calls.endWith(this.#ending);
    const end = () => this.#end(signal?.reason);
    const ended = () => {
      forget();
      signal?.removeEventListener('abort', end);
      this.#end(this.#ending.signal.reason);
    };
    this.#ending.signal.addEventListener('abort', ended, { once: true });
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
  }

  async publish(topic: string, payload: EventPayload, options: PublishOptions = {}): Promise<Published> {
    const { deadlineMs = DEADLINE_MS, signal } = options;
    const request = toPublishRequest(topic, payload, options);
    signal?.throwIfAborted();
    this.#requireOpen();
    const { promise, resolve, reject } = Promise.withResolvers<Published>();
    const endMs = this.#parts.clock.monotonicMs() + deadlineMs;
    const bytes = sizeOfRequest(request);
    const event = { topic, request, bytes, endMs, resolve, reject, sentMs: 0, lastError: undefined, isSettled: false };
    if (this.#waiting.length === this.#firstWaiting && this.#queue.hasRoomFor(bytes)) this.#queue.add(event);
    else this.#wait(event);
    this.#start();
    if (signal === undefined) return promise;
    const giveUp = () => this.#fail(event, signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  async flush(): Promise<void> {
    const before = this.#unsettled();
    // The last ones are settled last, as a rule: few are looked at twice.
    while (before.length > 0) {
      while (before.at(-1)?.isSettled) before.pop();
      if (before.length === 0) return;
      await new Promise<void>((resolve) => {
        const others = this.#settledOne;
        this.#settledOne = () => {
          others();
          resolve();
        };
      });
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // Whoever publishes from now on hears that it is closed; the requests of the stream end when nothing is left.
    await Promise.resolve();
    await this.flush();
    this.#wakeAll();
    const { clock } = this.#parts;
    await atMost(END_MS, this.#running ?? Promise.resolve(), clock);
    this.#end(closed());
    await this.#running;
  }

  #requireOpen(): void {
    this.#ending.signal.throwIfAborted();
    if (this.#closed !== undefined || this.#parts.calls.isClosed) throw closed();
  }

  #wait(event: PendingEvent): void {
    if (this.#waiting.length - this.#firstWaiting >= MAX_WAITING) {
      const message = `${MAX_WAITING} events wait to be published: await publish() or flush()`;
      throw new CallError(message, { code: status.RESOURCE_EXHAUSTED, reason: 'QUEUE_FULL', reachedServer: false });
    }
    this.#waiting.push(event);
  }

  #unsettled(): PendingEvent[] {
    return [...this.#queue.events(), ...this.#waiting.slice(this.#firstWaiting)].filter(({ isSettled }) => !isSettled);
  }

  #start(): void {
    this.#running ??= this.#run();
    if (!this.#isLooking) this.#looking = this.#lookAtDeadlines();
    this.#wakeAll();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      if (this.#queue.size > 0) await this.#publishOnStream();
      else if (this.#closed !== undefined) break;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    this.#end(closed());
    await this.#looking;
  }

  /** Until the stream ends. Never rejects. */
  async #publishOnStream(): Promise<void> {
    try {
      const { calls, connect } = this.#parts;
      const { signal } = this.#ending;
      const connection = await abortable(connect(), signal);
      this.#stream = new PublishStream<PendingEvent>({
        ...{ connection, calls, signal },
        take: () => this.#take(),
        isDone: () => this.#closed !== undefined && this.#queue.size === 0,
        onAcknowledged: (event, answer) => this.#succeed(event, toPublished(event.topic, answer)),
        onRefused: (event, error) => this.#refused(event, error),
      });
      await this.#stream.run();
      if (this.#queue.size > 0) {
        throw new CallError('the event bus ended the stream of a publisher', { code: status.UNAVAILABLE });
      }
    } catch (error) {
      await this.#broke(error, this.#stream);
    } finally {
      this.#stream = undefined;
    }
  }

  #take(): PendingEvent | undefined {
    const nowMs = this.#parts.clock.monotonicMs();
    const event = this.#queue.take(nowMs);
    if (event !== undefined) event.sentMs = nowMs;
    return event;
  }

  #refused(event: PendingEvent, error: CallError): void {
    const delayMs = repeatDelayMs(error);
    if (delayMs === undefined) {
      this.#fail(event, error);
      return;
    }
    this.#mayRepeat(event, error);
    const { clock, random } = this.#parts;
    this.#queue.refuse(event, clock.monotonicMs() + Math.max(delayMs, FIRST_PAUSE_MS * (1 + random())));
  }

  /** Opens no other stream before its time; decides what that means for what was on its way. Never rejects. */
  async #broke(error: unknown, stream: PublishStream<PendingEvent> | undefined): Promise<void> {
    const { signal } = this.#ending;
    const cause = causeOf(error);
    if (signal.aborted) return;
    if (cause === undefined) {
      for (const event of this.#unsettled()) this.#fail(event, error);
      return;
    }
    if (stream?.wasAnswered) this.#backoff.reset();
    const sent = this.#queue.returnSent();
    if (await this.#isWorthIt(cause, stream)) {
      for (const event of sent) this.#mayRepeat(event, cause);
    } else {
      for (const event of isAboutCredential(cause) ? this.#queue.events() : sent) this.#fail(event, cause);
    }
    const pauseMs = Math.max(retryDelayMsOf(cause.metadata) ?? 0, this.#backoff.nextMs());
    await this.#parts.clock.sleep(pauseMs, signal).catch(() => undefined);
  }

  /** Whether what was on its way is sent again. Never rejects. */
  async #isWorthIt(cause: CallError, stream: PublishStream<PendingEvent> | undefined): Promise<boolean> {
    if (isBroken(cause) || repeatDelayMs(cause) !== undefined || cause.reason === 'TOKEN_EXPIRED') return true;
    if (cause.code !== status.UNAUTHENTICATED || stream === undefined) return false;
    if (cause.reason === 'CREDENTIAL_CONFLICT') return stream.hasChangedToken;
    const { token } = await this.#parts.connect();
    return takeToken(token).then(
      (next) => next !== stream.token,
      () => false,
    );
  }

  /** It may be there already: then it is sent again only for as long as the bus knows its id. */
  #mayRepeat(event: PendingEvent, error: CallError): void {
    event.lastError = error;
    if (isUncertain(error)) event.endMs = Math.min(event.endMs, event.sentMs + SAFE_REPEAT_MS);
  }

  /** For as long as something is not settled. Never rejects. */
  async #lookAtDeadlines(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#ending;
    this.#isLooking = true;
    for (let open = this.#unsettled(); open.length > 0; open = this.#unsettled()) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      const nowMs = clock.monotonicMs();
      for (const event of open) if (event.endMs <= nowMs) this.#fail(event, event.lastError ?? late());
      if ((this.#queue.dueMs() ?? Number.POSITIVE_INFINITY) <= nowMs) this.#wakeAll();
    }
    this.#isLooking = false;
  }

  #succeed(event: PendingEvent, published: Published): void {
    event.resolve(published);
    this.#settled(event);
  }

  #fail(event: PendingEvent, error: unknown): void {
    event.reject(error);
    this.#settled(event);
  }

  #settled(event: PendingEvent): void {
    event.isSettled = true;
    this.#queue.settle(event);
    this.#letIn();
    const settled = this.#settledOne;
    this.#settledOne = () => undefined;
    settled();
    this.#wakeAll();
  }

  #letIn(): void {
    for (; this.#firstWaiting < this.#waiting.length; this.#firstWaiting += 1) {
      const next = this.#waiting[this.#firstWaiting] as PendingEvent;
      if (next.isSettled) continue;
      if (!this.#queue.hasRoomFor(next.bytes)) break;
      this.#queue.add(next);
    }
    if (this.#firstWaiting * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#firstWaiting);
    this.#firstWaiting = 0;
  }

  #wakeAll(): void {
    this.#wake();
    this.#stream?.wake();
  }

  #end(reason: unknown): void {
    this.#ending.abort(reason);
    for (const event of this.#unsettled()) this.#fail(event, reason);
    this.#wakeAll();
  }
}

/** @returns undefined for what was thrown by a layer, or for want of an address: no other stream would help */
function causeOf(error: unknown): CallError | undefined {
  if (!(error instanceof CallError)) return undefined;
  // The source of the requests broke: the token could not be had.
  return error.cause instanceof CallError ? error.cause : error;
}

function closed(): CallError {
  return new CallError('the publisher is closed', { code: status.CANCELLED, reachedServer: false });
}

function late(): CallError {
  const message = 'the event was not acknowledged in time; it may have been published';
  return new CallError(message, { code: status.DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED' });
}
