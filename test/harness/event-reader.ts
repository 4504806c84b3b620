/**
 * What one stream of Subscribe brought: read as it comes, so that a test asks for the next events, for the end, or for
 * the frames that carry none.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CallError } from '#lib/grpc/call-error.ts';
import type { ServiceClient } from '#lib/grpc/client.ts';
import type { EventBusDefinition } from '#protos/generated/mcp2/EventBus.ts';
import type { EventControl__Output } from '#protos/generated/mcp2/EventControl.ts';
import type { EventEnvelope__Output } from '#protos/generated/mcp2/EventEnvelope.ts';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';

export type Envelope = EventEnvelope__Output;

/** How long a test waits for what must come: a busy machine takes its time. */
export const PATIENCE_MS = 20_000;

const HEARTBEAT = 0;

export class EventReader implements AsyncDisposable {
  /** Everything that came, in its order. */
  readonly frames: Envelope[] = [];
  /** Those that are events. */
  readonly events: Envelope[] = [];
  readonly controls: EventControl__Output[] = [];
  readonly #cancel = new AbortController();
  readonly #done: Promise<void>;
  #taken = 0;
  #end: { readonly error: CallError | undefined } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(client: ServiceClient<EventBusDefinition>, request: EventSubscribeRequest) {
    this.#done = this.#read(client, request);
  }

  /** Undefined while the stream is open. */
  get end(): { readonly error: CallError | undefined } | undefined {
    return this.#end;
  }

  /** The next `count` events that no `take` has returned. @throws Error when they do not come */
  async take(count: number, timeoutMs = PATIENCE_MS): Promise<Envelope[]> {
    await this.until(() => this.events.length >= this.#taken + count, `${count} more events`, timeoutMs);
    const next = this.events.slice(this.#taken, this.#taken + count);
    this.#taken += count;
    return next;
  }

  /** Waits for a condition over what came; it is looked at again with each frame and at the end. */
  async until(condition: () => boolean, what: string, timeoutMs = PATIENCE_MS): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!condition()) {
      if (this.#end !== undefined) throw new Error(`the stream ended before ${what}: ${this.#describe()}`);
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`${what} did not come within ${timeoutMs} ms: ${this.#describe()}`);
      await this.#nextChange(leftMs);
    }
  }

  /** The log was read to its end and the stream follows it. Needs idle_heartbeat_ms. */
  async follows(): Promise<void> {
    const seen = this.controls.length;
    await this.until(() => this.controls.slice(seen).some(({ kind }) => kind === HEARTBEAT), 'a heartbeat');
  }

  /** Events that came within this time although none should, as "topic#sequence/attempt". */
  async surplus(ms = 150): Promise<string[]> {
    await sleep(ms);
    return this.events.slice(this.#taken).map(nameOf);
  }

  /** How the server ended the stream; undefined: OK. @throws Error when it did not */
  async ended(timeoutMs = PATIENCE_MS): Promise<CallError | undefined> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#end === undefined) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`the stream did not end within ${timeoutMs} ms: ${this.#describe()}`);
      await this.#nextChange(leftMs);
    }
    return this.#end.error;
  }

  /** As a client that leaves. */
  async close(): Promise<void> {
    this.#cancel.abort();
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(client: ServiceClient<EventBusDefinition>, request: EventSubscribeRequest): Promise<void> {
    let error: unknown;
    try {
      for await (const frame of client.serverStream('Subscribe', request, { signal: this.#cancel.signal })) {
        this.frames.push(frame);
        if (frame.control === null) this.events.push(frame);
        else this.controls.push(frame.control);
        this.#notify();
      }
    } catch (caught) {
      error = caught;
    }
    this.#end = { error: error instanceof CallError ? error : undefined };
    this.#notify();
    if (error !== undefined && !(error instanceof CallError) && !this.#cancel.signal.aborted) throw error;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #nextChange(ms: number): Promise<void> {
    const over = new AbortController();
    const timeout = sleep(ms, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.#changed.promise, timeout]);
    over.abort();
  }

  #describe(): string {
    const shown = this.frames.slice(-20).map(nameOf).join(', ');
    const end = this.#end === undefined ? 'open' : `ended ${this.#end.error?.message ?? 'OK'}`;
    return `${end}; ${this.frames.length} frames, the last of them: ${shown}`;
  }
}

function nameOf({ topic, sequence_id, delivery_attempt, control }: Envelope): string {
  return control === null ? `${topic}#${sequence_id}/${delivery_attempt}` : `control ${control.kind}`;
}
