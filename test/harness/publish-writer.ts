/** One stream of PublishStream: requests are sent when a test says so, acknowledgements are kept as they come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CallError } from '#lib/grpc/call-error.ts';
import type { ServiceClient } from '#lib/grpc/client.ts';
import type { EventBusDefinition } from '#protos/generated/mcp2/EventBus.ts';
import type { EventPublishAck__Output } from '#protos/generated/mcp2/EventPublishAck.ts';
import type { EventPublishRequest } from '#protos/generated/mcp2/EventPublishRequest.ts';
import { PATIENCE_MS } from './event-reader.ts';

export type PublishAck = EventPublishAck__Output;

export class PublishWriter implements AsyncDisposable {
  readonly acks: PublishAck[] = [];
  readonly #cancel = new AbortController();
  readonly #requests: EventPublishRequest[] = [];
  readonly #done: Promise<void>;
  #isClosed = false;
  #end: { readonly error: CallError | undefined } | undefined;
  #wanted = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();

  constructor(client: ServiceClient<EventBusDefinition>) {
    this.#done = this.#read(client);
  }

  /** Undefined while the stream is open. */
  get end(): { readonly error: CallError | undefined } | undefined {
    return this.#end;
  }

  /** In this order; they wait here for as long as the server does not read. */
  send(...requests: readonly EventPublishRequest[]): void {
    this.#requests.push(...requests);
    this.#wanted.resolve();
  }

  /** No more requests. */
  halfClose(): void {
    this.#isClosed = true;
    this.#wanted.resolve();
  }

  /** @throws Error when there are not as many in time */
  async untilAcks(count: number, timeoutMs = PATIENCE_MS): Promise<PublishAck[]> {
    await this.#until(() => this.acks.length >= count, `${count} acknowledgements`, timeoutMs);
    return this.acks;
  }

  /** How the server ended the stream; undefined: OK. @throws Error when it did not */
  async ended(timeoutMs = PATIENCE_MS): Promise<CallError | undefined> {
    await this.#until(() => this.#end !== undefined, 'the end', timeoutMs);
    return this.#end?.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancel.abort();
    await this.#done;
  }

  async #read(client: ServiceClient<EventBusDefinition>): Promise<void> {
    let error: unknown;
    try {
      const answers = client.bidiStream('PublishStream', this.#sent(), { signal: this.#cancel.signal });
      for await (const ack of answers) {
        this.acks.push(ack);
        this.#notify();
      }
    } catch (caught) {
      error = caught;
    }
    this.#end = { error: error instanceof CallError ? error : undefined };
    this.#notify();
    if (error !== undefined && !(error instanceof CallError) && !this.#cancel.signal.aborted) throw error;
  }

  async *#sent(): AsyncGenerator<EventPublishRequest, void> {
    for (;;) {
      const next = this.#requests.shift();
      if (next === undefined && this.#isClosed) return;
      if (next !== undefined) {
        yield next;
        continue;
      }
      this.#wanted = Promise.withResolvers();
      await this.#wanted.promise;
    }
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #until(condition: () => boolean, what: string, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!condition()) {
      const leftMs = deadlineMs - performance.now();
      const seen = `${this.acks.length} came, the stream ${this.#end === undefined ? 'is open' : 'ended'}`;
      const why = this.#end?.error === undefined ? '' : `: ${this.#end.error.message}`;
      if (leftMs <= 0 || this.#end !== undefined) throw new Error(`${what} did not come; ${seen}${why}`);
      const over = new AbortController();
      await Promise.race([
        this.#changed.promise,
        sleep(leftMs, undefined, { signal: over.signal }).catch(() => undefined),
      ]);
      over.abort();
    }
  }
}
