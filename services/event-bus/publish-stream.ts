/**
 * PublishStream: one event after another. Requests are handed to the log in their order as they come; acknowledgements go out
 * as they settle, several in one write. What is not acknowledged is bounded: then nothing more is read.
 */

import { setImmediate } from 'node:timers/promises';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import { bytesField } from '#lib/grpc/error-details.ts';
import { EncodedBatch, RefusedRequest } from '#lib/grpc/method.ts';
import { statusBytesOf } from '#lib/grpc/status.ts';
import type { Revocations } from '#lib/token/revocations.ts';
import { requireValidNow } from '#lib/token/verified-token.ts';
import type { EventPublishAck } from '#protos/generated/mcp2/EventPublishAck.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventPublishResponse } from '#protos/generated/mcp2/EventPublishResponse.ts';
import { Wakeup } from './delivery/wakeup.ts';
import type { Publishing } from './publish/publishing.ts';

const MAX_UNACKNOWLEDGED = 1_024;
const MAX_UNACKNOWLEDGED_BYTES = 4 * 1024 * 1024;
/** How often a silent stream's token is looked at. */
const RECHECK_MS = 4_000;
/** Of one write. */
const ACKS_AT_ONCE = 256;
/** EventPublishAck.error. */
const ERROR_FIELD = 3;

export interface PublishStreamOptions {
  readonly publishing: Publishing;
  readonly clock: Clock;
  readonly revocations: Revocations;
  readonly encode: (ack: EventPublishAck) => Buffer;
}

export function createPublishStream(options: PublishStreamOptions) {
  return async function* publishStream(requests: AsyncIterable<EventPublishRequest__Output>, call: CallContext) {
    const stream = new PublishStream(options, call);
    const reading = stream.read(requests);
    try {
      yield* stream.acks();
    } finally {
      stream.close();
    }
    await reading;
  };
}

interface Settled {
  readonly index: number;
  /** Encoded. */
  readonly ack: Buffer;
}

class PublishStream {
  readonly #options: PublishStreamOptions;
  readonly #call: CallContext;
  #settled: Settled[] = [];
  #unacknowledged = 0;
  #unacknowledgedBytes = 0;
  #hasEnded = false;
  /** What ended the requests before the client did: thrown after the acknowledgements. */
  #failure: unknown;
  /** The writer waits for acknowledgements, the reader for room. */
  readonly #writer: Wakeup;
  #wakeReader = () => {};

  constructor(options: PublishStreamOptions, call: CallContext) {
    this.#options = options;
    this.#call = call;
    this.#writer = new Wakeup(options.clock);
  }

  /** Never rejects: what ends it comes out behind the acknowledgements. */
  async read(requests: AsyncIterable<unknown>): Promise<void> {
    let index = 0;
    try {
      for await (const request of requests) {
        if (this.#hasEnded) return;
        if (request instanceof RefusedRequest) this.#refuse(index, request.error);
        else this.#publish(index, request as EventPublishRequest__Output);
        index += 1;
        while (this.#isFull() && !this.#hasEnded) await this.#room();
      }
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#hasEnded = true;
      this.#writer.wake();
    }
  }

  /** @throws what ended the requests, once everything that was appended is acknowledged */
  async *acks(): AsyncGenerator<EncodedBatch> {
    while (!this.#hasEnded || this.#unacknowledged > 0 || this.#settled.length > 0) {
      if (this.#settled.length === 0) {
        await this.#writer.until(this.#options.clock.monotonicMs() + RECHECK_MS);
        this.#checkToken();
        continue;
      }
      // What one commit has settled comes within one turn of the event loop, those of a topic not always in their order.
      await setImmediate();
      this.#settled.sort((a, b) => a.index - b.index);
      const batch = this.#settled.splice(0, ACKS_AT_ONCE);
      this.#wakeReader();
      yield new EncodedBatch(batch.map(({ ack }) => ack));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#hasEnded = true;
    this.#wakeReader();
    this.#writer.close();
  }

  /** A stream on which nothing is published ends with its token too. */
  #checkToken(): void {
    if (this.#hasEnded) return;
    const { clock, revocations } = this.#options;
    try {
      requireValidNow(this.#call.requireCaller(), clock.nowMs(), revocations);
    } catch (error) {
      this.#failure ??= error;
      this.#hasEnded = true;
      this.#wakeReader();
    }
  }

  #publish(index: number, request: EventPublishRequest__Output): void {
    const { length: bytes } = request.payload;
    this.#unacknowledged += 1;
    this.#unacknowledgedBytes += bytes;
    const settle = (ack: Buffer) => {
      this.#unacknowledged -= 1;
      this.#unacknowledgedBytes -= bytes;
      this.#acknowledge({ index, ack });
      this.#wakeReader();
    };
    this.#append(request).then(
      (response) => settle(this.#options.encode({ index, response })),
      (error) => settle(this.#failureOf(index, error)),
    );
  }

  /** Rejects where `publish` throws. */
  async #append(request: EventPublishRequest__Output): Promise<EventPublishResponse> {
    return this.#options.publishing.publish(request, this.#call.requireCaller());
  }

  #refuse(index: number, error: ServiceError): void {
    this.#call.refuse(error);
    this.#acknowledge({ index, ack: this.#failureOf(index, error) });
  }

  #failureOf(index: number, error: unknown): Buffer {
    if (!(error instanceof ServiceError))
      this.#call.log.error({ err: error }, 'publish failed for an unforeseen reason');
    else if (error.cause !== undefined) this.#call.log.warn({ err: error }, 'publish failed');
    return Buffer.concat([this.#options.encode({ index }), bytesField(ERROR_FIELD, statusBytesOf(error))]);
  }

  #acknowledge(settled: Settled): void {
    this.#settled.push(settled);
    this.#writer.wake();
  }

  #isFull(): boolean {
    const unacknowledged = this.#unacknowledged + this.#settled.length;
    return unacknowledged >= MAX_UNACKNOWLEDGED || this.#unacknowledgedBytes >= MAX_UNACKNOWLEDGED_BYTES;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeReader = resolve;
    });
  }
}
