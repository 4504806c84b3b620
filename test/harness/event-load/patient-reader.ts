/**
 * A subscriber of one topic with a client library, which can stop taking and go on later: it resumes from where it was told
 * to, or from the last event it saw, and looks whether an event was left out or came twice.
 */
import { CallError } from '#lib/grpc/call-error.ts';
import type { ServiceClient } from '#lib/grpc/client.ts';
import type { EventBusDefinition } from '#protos/generated/mcp2/EventBus.ts';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';

export interface PatientReaderOptions {
  readonly client: ServiceClient<EventBusDefinition>;
  readonly topic: string;
  readonly token: string;
}

export class PatientReader {
  readonly #options: PatientReaderOptions;
  /** Why streams ended. */
  readonly ends: CallError[] = [];
  #cursor: Buffer | undefined;
  #last = 0;
  #lost = 0;
  #doubled = 0;
  #isStopped = false;
  #goOn = () => {};

  constructor(options: PatientReaderOptions) {
    this.#options = options;
  }

  get last(): number {
    return this.#last;
  }

  get lost(): number {
    return this.#lost;
  }

  get doubled(): number {
    return this.#doubled;
  }

  /** Takes nothing more until `goOn`, so that the window of its stream fills. */
  stop(): void {
    this.#isStopped = true;
  }

  goOn(): void {
    this.#isStopped = false;
    this.#goOn();
  }

  /** From the topic's first event to the one with this sequence, through as many streams as it takes. */
  async readTo(last: () => number | undefined): Promise<void> {
    while (this.#last !== last()) {
      try {
        await this.#readStream(last);
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        this.ends.push(error);
        const resume = error.facts.resume_cursor;
        if (resume !== undefined) this.#cursor = Buffer.from(resume, 'base64url');
      }
    }
  }

  async #readStream(last: () => number | undefined): Promise<void> {
    const { client, topic, token } = this.#options;
    const start: EventSubscribeRequest =
      this.#cursor === undefined
        ? { start: 'START_POLICY_EARLIEST' }
        : { start: 'START_POLICY_CURSOR', start_cursor: this.#cursor };
    // A control envelope now and then, so that it also looks at the end when nothing comes.
    const request = { topic_filter: topic, subscriber_token: token, idle_heartbeat_ms: 200, ...start };
    for await (const { control, sequence_id: sequence, previous_sequence_id: previous, cursor } of client.serverStream(
      'Subscribe',
      request,
    )) {
      this.#cursor = cursor;
      if (control === null) this.#look(Number(sequence), Number(previous));
      if (this.#isStopped) {
        await new Promise<void>((resolve) => {
          this.#goOn = resolve;
        });
      }
      if (this.#last === last()) return;
    }
  }

  #look(sequence: number, previous: number): void {
    if (sequence <= this.#last) this.#doubled += 1;
    else if (previous > this.#last) this.#lost += 1;
    this.#last = Math.max(this.#last, sequence);
  }
}
