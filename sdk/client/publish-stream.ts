/**
 * One PublishStream: requests out, acknowledgements in, and which request each of them is about. The token goes along with
 * the first request, and with the first one after it changed.
 */
import type { CallError } from '#lib/grpc/call-error.ts';
import { callErrorOfStatus } from '#lib/grpc/call-error.ts';
import { EVENT_BUS_NAME } from '#lib/well-known.ts';
import type { EventPublishAck__Output } from '#protos/generated/mcp2/EventPublishAck.ts';
import type { EventPublishResponse__Output } from '#protos/generated/mcp2/EventPublishResponse.ts';
import { type RunningCall, recordAttempt } from './attempts.ts';
import { type EventBusConnection, eventBusMethod } from './event-bus-connection.ts';
import type { PublishRequest } from './event-request.ts';
import type { LayeredCalls } from './layered-calls.ts';
import { withoutToken } from './token-free-error.ts';
import { takeToken } from './token-source.ts';

export interface StreamedEvent {
  readonly request: PublishRequest;
}

export interface PublishStreamParts<Event> {
  readonly connection: EventBusConnection;
  readonly calls: LayeredCalls;
  readonly signal: AbortSignal;
  /** The next event to send; undefined: there is none now. It counts as sent. */
  readonly take: () => Event | undefined;
  /** No event will come any more: the stream is half-closed. */
  readonly isDone: () => boolean;
  readonly onAcknowledged: (event: Event, answer: EventPublishResponse__Output) => void;
  readonly onRefused: (event: Event, error: CallError) => void;
}

const METHOD = 'mcp2.EventBus/PublishStream';

export class PublishStream<Event extends StreamedEvent> {
  readonly #parts: PublishStreamParts<Event>;
  /** By the index of the request. */
  readonly #sent = new Map<number, Event>();
  #token = '';
  #tokens = 0;
  #isOver = false;
  #wake: () => void = () => undefined;
  #answers = 0;

  constructor(parts: PublishStreamParts<Event>) {
    this.#parts = parts;
  }

  /** The last one that was sent; "" when none was. */
  get token(): string {
    return this.#token;
  }

  /** More than one was sent: they may be of different subjects, which one stream does not take. */
  get hasChangedToken(): boolean {
    return this.#tokens > 1;
  }

  /** The bus has answered: it is there, and takes our token. */
  get wasAnswered(): boolean {
    return this.#answers > 0;
  }

  /** There may be something to send, or nothing any more. */
  wake(): void {
    this.#wake();
  }

  /** Until the stream ends. @throws CallError that holds no token; the signal's reason */
  async run(): Promise<void> {
    const { connection, calls, signal } = this.#parts;
    const method = eventBusMethod(connection.protos, 'PublishStream');
    const run = (requests: object, running: RunningCall) => this.#open(requests as AsyncIterable<unknown>, running);
    try {
      for await (const ack of calls.stream({ method, request: this.#requests(), run, signal })) {
        this.#settle(ack as EventPublishAck__Output);
      }
    } catch (error) {
      throw withoutToken(error, this.#token);
    } finally {
      this.#isOver = true;
      this.#wake();
    }
  }

  async *#requests(): AsyncGenerator<PublishRequest> {
    const { take, isDone } = this.#parts;
    for (let index = 0; !this.#isOver; ) {
      const event = take();
      if (event !== undefined) {
        this.#sent.set(index, event);
        index += 1;
        yield event.request;
        continue;
      }
      if (isDone()) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What the layers are round. */
  async *#open(requests: AsyncIterable<unknown>, running: RunningCall): AsyncGenerator<unknown> {
    const { channel, clock, address, protos } = this.#parts.connection;
    const { signal, metadata } = running;
    const sent = this.#withToken(requests as AsyncIterable<PublishRequest>);
    const answers = channel.bidiStream(eventBusMethod(protos, 'PublishStream'), sent, { signal, metadata });
    yield* recordStream(running, { clock, address }, answers);
  }

  async *#withToken(requests: AsyncIterable<PublishRequest>): AsyncGenerator<PublishRequest> {
    for await (const request of requests) {
      const token = await takeToken(this.#parts.connection.token);
      const isKnown = token === this.#token;
      this.#token = token;
      if (!isKnown) this.#tokens += 1;
      yield isKnown ? request : { ...request, publisher_token: token };
    }
  }

  #settle({ index, response, error }: EventPublishAck__Output): void {
    const event = this.#sent.get(index);
    this.#sent.delete(index);
    this.#answers += 1;
    if (event === undefined) return;
    if (error) this.#parts.onRefused(event, callErrorOfStatus(error, METHOD));
    else if (response) this.#parts.onAcknowledged(event, response);
  }
}

/** Records the stream as one attempt, when it ends. */
export async function* recordStream(
  running: RunningCall,
  { clock, address }: Pick<EventBusConnection, 'clock' | 'address'>,
  messages: AsyncIterable<unknown>,
): AsyncGenerator<unknown> {
  const ended = Promise.withResolvers<void>();
  const target = { server: EVENT_BUS_NAME, endpoint: address };
  const recorded = recordAttempt(running, clock, target, () => ended.promise).catch(() => undefined);
  try {
    yield* messages;
    ended.resolve();
  } catch (error) {
    ended.reject(error);
    await recorded;
    throw error;
  } finally {
    ended.resolve();
    await recorded;
  }
}
