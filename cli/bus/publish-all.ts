/** Many events over one stream, with a bound on what is on its way, and a word about how far it is. */
import type { Mcp2Client, Published } from '#sdk/client/index.ts';
import type { Terminal } from '../terminal.ts';
import { withProgress } from '../text/progress.ts';
import { whyRefused } from './explain.ts';
import type { Outgoing } from './outgoing.ts';

export interface PublishingAll {
  readonly topic: string;
  readonly events: AsyncIterable<Outgoing>;
  readonly timeoutMs: number;
  /** Faster; the order is then kept unless the bus refuses an event for now. */
  readonly isUnordered: boolean;
}

export interface Tally {
  readonly published: number;
  /** Of these. */
  readonly duplicates: number;
  readonly lastSequence: number;
  /** The first in the order of the input that was refused; none after it was begun, but some may have been under way. */
  readonly refused: Refused | undefined;
}

interface Refused {
  readonly place: string;
  readonly why: string;
  readonly error: unknown;
}

/** What was sent and is not acknowledged yet. */
const MAX_EVENTS = 512;
const MAX_BYTES = 4 * 1024 * 1024;
/** An event waits for those before it. */
const MIN_TIMEOUT_MS = 60_000;

/** Resolves also when one was refused. @throws what reading the input throws, after what was begun is settled */
export async function publishAll(
  client: Pick<Mcp2Client, 'publisher'>,
  { topic, events, timeoutMs, isUnordered }: PublishingAll,
  terminal: Pick<Terminal, 'clock' | 'note'>,
): Promise<Tally> {
  const publisher = client.publisher({ pipelined: isUnordered });
  const deadlineMs = Math.max(MIN_TIMEOUT_MS, timeoutMs);
  const flow = new Flow();
  const sendAll = async (): Promise<void> => {
    for await (const { payload, place = '', ...about } of events) {
      if (flow.tally.refused !== undefined) break;
      await flow.room();
      flow.begin(place, payload.length, publisher.publish(topic, payload, { ...about, deadlineMs }));
    }
  };
  try {
    await withProgress(
      sendAll().finally(() => flow.settled()),
      () => flow.describe(),
      terminal,
    );
    return flow.tally;
  } finally {
    await publisher.close();
  }
}

class Flow {
  readonly #running = new Set<Promise<void>>();
  #bytes = 0;
  #wake: () => void = () => undefined;
  #begun = 0;
  #published = 0;
  #duplicates = 0;
  #lastSequence = 0;
  #refused: (Refused & { readonly index: number }) | undefined;

  get tally(): Tally {
    return {
      published: this.#published,
      duplicates: this.#duplicates,
      lastSequence: this.#lastSequence,
      refused: this.#refused,
    };
  }

  describe(): string {
    return `${this.#published} events published …`;
  }

  async room(): Promise<void> {
    while (this.#running.size >= MAX_EVENTS || this.#bytes >= MAX_BYTES) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  begin(place: string, bytes: number, publishing: Promise<Published>): void {
    const index = this.#begun;
    this.#begun += 1;
    this.#bytes += bytes;
    const done = this.#settle({ place, index }, publishing).finally(() => {
      this.#running.delete(done);
      this.#bytes -= bytes;
      this.#wake();
    });
    this.#running.add(done);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #settle({ place, index }: { readonly place: string; readonly index: number }, publishing: Promise<Published>) {
    try {
      const { sequence, duplicate } = await publishing;
      this.#published += 1;
      if (duplicate) this.#duplicates += 1;
      this.#lastSequence = Math.max(this.#lastSequence, sequence);
    } catch (error) {
      if (this.#refused === undefined || index < this.#refused.index) {
        this.#refused = { place, index, why: whyRefused(error), error };
      }
    }
  }
}
