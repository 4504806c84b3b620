/** Prints the events of one subscription until there were enough, somebody ends it, or the bus refuses it. */
import type { Mcp2Client, ReceivedEvent, SubscribeOptions } from '#sdk/client/index.ts';
import { stopOnSignals } from '../stop-on-signals.ts';
import type { Terminal } from '../terminal.ts';
import { whyRefused } from './explain.ts';
import { formatCursor } from './start-position.ts';

export interface Following {
  readonly client: Pick<Mcp2Client, 'subscribe'>;
  readonly filter: string;
  readonly terms: Pick<SubscribeOptions, 'from' | 'durable' | 'ackWaitMs' | 'maxDeliver' | 'deadlineMs'>;
  /** End after so many. */
  readonly count: number | undefined;
  /** One line an event. */
  readonly format: (event: ReceivedEvent) => string;
}

/** Acknowledgements on their way: an event that was printed comes again only when the process dies before they arrive. */
const MAX_ACKS = 32;

export async function followEvents(following: Following, terminal: Terminal): Promise<void> {
  const { client, filter, terms, count, format } = following;
  const stopping = stopOnSignals(terminal);
  const outage = new Outage(terminal);
  const subscription = client.subscribe(filter, {
    ...terms,
    signal: stopping,
    onGap: ({ missed }) => terminal.note(sentenceOfGap(missed)),
    onResume: ({ cause }) => outage.begins(whyRefused(cause)),
  });
  const acks = new Acknowledgements(terminal);
  let seen = 0;
  let last: ReceivedEvent | undefined;
  try {
    for await (const event of subscription) {
      outage.ends();
      terminal.print(format(event));
      // Whoever reads slowly is not overrun: what is not read yet stays on the bus.
      await terminal.drained();
      last = event;
      seen += 1;
      if (terms.durable !== undefined) await acks.add(event);
      if (seen !== count) continue;
      await acks.settled();
      break;
    }
  } catch (error) {
    await acks.settled();
    if (!stopping.aborted) throw error;
    terminal.note(sentenceOfEnd(seen, last, terms.durable));
  }
}

class Acknowledgements {
  readonly #note: Terminal['note'];
  #pending: Promise<void>[] = [];

  constructor({ note }: Pick<Terminal, 'note'>) {
    this.#note = note;
  }

  /** Resolves when another event may be read. */
  async add(event: ReceivedEvent): Promise<void> {
    this.#pending.push(this.#acknowledge(event));
    if (this.#pending.length >= MAX_ACKS) await this.settled();
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  /** One that was not taken is no reason to end: the event comes again. */
  async #acknowledge(event: ReceivedEvent): Promise<void> {
    try {
      await event.ack();
    } catch (error) {
      this.#note(`${event.topic} #${event.sequence} was not acknowledged and comes again: ${whyRefused(error)}`);
    }
  }
}

/** Said once, however often it is tried. */
class Outage {
  readonly #note: Terminal['note'];
  #isOn = false;

  constructor({ note }: Pick<Terminal, 'note'>) {
    this.#note = note;
  }

  begins(why: string): void {
    if (!this.#isOn) this.#note(`The connection to the event bus ended: ${why}. Resuming …`);
    this.#isOn = true;
  }

  ends(): void {
    if (this.#isOn) this.#note('Resumed: events come again.');
    this.#isOn = false;
  }
}

function sentenceOfGap(missed: number | undefined): string {
  const what = missed === undefined ? 'Events are' : missed === 1 ? '1 event is' : `${missed} events are`;
  return `${what} missing here: removed or damaged before they could be read.`;
}

function sentenceOfEnd(seen: number, last: ReceivedEvent | undefined, durable: string | undefined): string {
  const events = `${seen} ${seen === 1 ? 'event' : 'events'}`;
  if (durable !== undefined) return `Stopped after ${events}; --durable ${durable} goes on from there.`;
  return last === undefined
    ? 'Stopped.'
    : `Stopped after ${events}; --from ${formatCursor(last.cursor)} goes on from there.`;
}
