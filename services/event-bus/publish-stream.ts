/**
 * PublishStream: one event after another. Requests are handed to the log in their order as they come; acknowledgements go out
 * as they settle, several in one write. What is not acknowledged is bounded: then nothing more is read.
 */

import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import { bytesField } from '#lib/grpc/error-details.ts';
import { EncodedBatch, RefusedRequest } from '#lib/grpc/method.ts';
import { statusBytesOf } from '#lib/grpc/status.ts';
import type { EventPublishAck } from '#protos/generated/mcp2/EventPublishAck.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventPublishResponse } from '#protos/generated/mcp2/EventPublishResponse.ts';
import type { Publishing } from './publish/publishing.ts';

const MAX_UNACKNOWLEDGED = 1_024;
const MAX_UNACKNOWLEDGED_BYTES = 4 * 1024 * 1024;
/** Of one write. */
const ACKS_AT_ONCE = 256;
/** EventPublishAck.error. */
const ERROR_FIELD = 3;

export interface PublishStreamOptions {
  readonly publishing: Publishing;
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

class PublishStream {
  readonly #options: PublishStreamOptions;
  readonly #call: CallContext;
  #settled: Buffer[] = [];
  #unacknowledged = 0;
  #unacknowledgedBytes = 0;
  #hasEnded = false;
  /** What ended the requests before the client did: thrown after the acknowledgements. */
  #failure: unknown;
  /** The writer waits for acknowledgements, the reader for room. */
  #wakeWriter = () => {};
  #wakeReader = () => {};

  constructor(options: PublishStreamOptions, call: CallContext) {
    this.#options = options;
    this.#call = call;
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
      this.#failure = error;
    } finally {
      this.#hasEnded = true;
      this.#wakeWriter();
    }
  }

  /** @throws what ended the requests, once everything that was appended is acknowledged */
  async *acks(): AsyncGenerator<EncodedBatch> {
    while (!this.#hasEnded || this.#unacknowledged > 0 || this.#settled.length > 0) {
      if (this.#settled.length === 0) {
        await this.#acknowledgement();
        continue;
      }
      const batch = this.#settled.splice(0, ACKS_AT_ONCE);
      this.#wakeReader();
      yield new EncodedBatch(batch);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#hasEnded = true;
    this.#wakeReader();
    this.#wakeWriter();
  }

  #publish(index: number, request: EventPublishRequest__Output): void {
    const { length: bytes } = request.payload;
    this.#unacknowledged += 1;
    this.#unacknowledgedBytes += bytes;
    const settle = (ack: Buffer) => {
      this.#unacknowledged -= 1;
      this.#unacknowledgedBytes -= bytes;
      this.#acknowledge(ack);
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
    this.#acknowledge(this.#failureOf(index, error));
  }

  #failureOf(index: number, error: unknown): Buffer {
    if (!(error instanceof ServiceError))
      this.#call.log.error({ err: error }, 'publish failed for an unforeseen reason');
    else if (error.cause !== undefined) this.#call.log.warn({ err: error }, 'publish failed');
    return Buffer.concat([this.#options.encode({ index }), bytesField(ERROR_FIELD, statusBytesOf(error))]);
  }

  #acknowledge(ack: Buffer): void {
    this.#settled.push(ack);
    this.#wakeWriter();
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

  #acknowledgement(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeWriter = resolve;
    });
  }
}
