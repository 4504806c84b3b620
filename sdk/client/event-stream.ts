/**
 * One Subscribe stream: its envelopes, the token that it was opened with, and the watch over it. A stream on which neither an
 * event nor a heartbeat comes while its reader waits is dead, and fails as one that broke.
 */
import { status } from '@grpc/grpc-js';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { EventEnvelope__Output } from '#protos/generated/mcp2/EventEnvelope.ts';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import type { RunningCall } from './attempts.ts';
import { type EventBusConnection, eventBusMethod } from './event-bus-connection.ts';
import type { LayeredCalls } from './layered-calls.ts';
import { recordStream } from './publish-stream.ts';
import { withoutToken } from './token-free-error.ts';

export interface EventStreamParts {
  readonly connection: EventBusConnection;
  readonly calls: LayeredCalls;
  readonly clock: Clock;
  readonly token: string;
  readonly request: EventSubscribeRequest;
  /** Of the subscription. */
  readonly signal: AbortSignal;
  /** How long nothing may come, in milliseconds. */
  readonly patienceMs: number;
  /** False while the bus is not expected to send anything. */
  readonly isExpecting: () => boolean;
}

export class EventStream {
  readonly token: string;
  readonly #parts: EventStreamParts;
  readonly #ending = new AbortController();
  /** Since when its reader waits for the next envelope. */
  #waitsSinceMs: number | undefined;
  #count = 0;

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
    this.token = parts.token;
  }

  /** Envelopes that came. */
  get count(): number {
    return this.#count;
  }

  /** Aborted when nobody reads it any more. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** To be read once. @throws CallError that holds no token; the reason of the signal, or of `end` */
  async *read(): AsyncGenerator<EventEnvelope__Output, void, undefined> {
    const { calls, connection, request, signal } = this.#parts;
    const end = () => this.end(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    const method = eventBusMethod(connection.protos, 'Subscribe');
    const run = (sent: object, running: RunningCall) => this.#open(sent, running);
    const watching = this.#watch();
    const envelopes = calls.stream({ method, request, run, signal: this.#ending.signal });
    try {
      signal.throwIfAborted();
      for (;;) {
        this.#waitsSinceMs = this.#parts.clock.monotonicMs();
        const { done, value } = await envelopes.next();
        this.#waitsSinceMs = undefined;
        if (done) return;
        this.#count += 1;
        yield value as EventEnvelope__Output;
      }
    } catch (error) {
      throw withoutToken(error, this.token);
    } finally {
      signal.removeEventListener('abort', end);
      this.end(new Error('the stream is not read any more'));
      await envelopes.return();
      await watching;
    }
  }

  end(reason: unknown): void {
    this.#ending.abort(reason);
  }

  /** What the layers are round. */
  async *#open(request: object, running: RunningCall): AsyncGenerator<unknown> {
    const { connection } = this.#parts;
    const { signal, metadata } = running;
    const method = eventBusMethod(connection.protos, 'Subscribe');
    const sent = { ...request, subscriber_token: this.token };
    yield* recordStream(running, connection, connection.channel.serverStream(method, sent, { signal, metadata }));
  }

  /** Never rejects. */
  async #watch(): Promise<void> {
    const { clock, patienceMs, isExpecting } = this.#parts;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await clock.sleep(patienceMs / 5, signal).catch(() => undefined);
      const nowMs = clock.monotonicMs();
      if (this.#waitsSinceMs === undefined) continue;
      if (!isExpecting()) this.#waitsSinceMs = nowMs;
      if (nowMs - this.#waitsSinceMs < patienceMs) continue;
      const message = `the event bus has said nothing for ${patienceMs} ms, not even that there is nothing`;
      this.end(new CallError(message, { code: status.UNAVAILABLE }));
    }
  }
}
