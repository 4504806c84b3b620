/** What a durable subscription set aside: shown, or published again. */
import { createHash } from 'node:crypto';
import { onOneLine } from '#lib/printable.ts';
import type { Mcp2Client, ReceivedEvent } from '#sdk/client/index.ts';
import { CommandFailed } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { withProgress } from '../text/progress.ts';
import { eventJson, formatPayload, type ShownEvent } from './event-text.ts';
import { whyRefused } from './explain.ts';

type Client = Pick<Mcp2Client, 'subscribe' | 'subscriptions' | 'publish'>;

export interface ParkedRequest {
  /** Of the durable subscription. */
  readonly name: string;
  readonly timeoutMs: number;
}

export async function showParked(
  client: Client,
  { isJson, ...request }: ParkedRequest & { readonly isJson: boolean },
  terminal: Terminal,
): Promise<void> {
  let count = 0;
  for await (const event of readParked(client, request, terminal)) {
    terminal.print(isJson ? eventJson(event) : formatParked(event));
    await terminal.drained();
    count += 1;
  }
  if (count === 0) terminal.note('Nothing is parked.');
}

/** @throws CommandFailed for the first that is refused; those before it are published */
export async function replayParked(client: Client, request: ParkedRequest, terminal: Terminal): Promise<void> {
  const { name, timeoutMs: deadlineMs } = request;
  let published = 0;
  let duplicates = 0;
  const replay = async (): Promise<void> => {
    for await (const event of readParked(client, request, terminal)) {
      const { topic, payload, ...about } = originalOf(event);
      try {
        const { duplicate } = await client.publish(topic, payload, { ...about, deadlineMs });
        if (duplicate) duplicates += 1;
        else published += 1;
      } catch (error) {
        throw new CommandFailed(
          `${topic} was refused: ${whyRefused(error)}; ${published} of what ${name} has set aside were published before it`,
          { cause: error },
        );
      }
    }
  };
  await withProgress(replay(), () => `${published} events published …`, terminal);
  const known = duplicates === 0 ? '' : `; ${duplicates} were there already`;
  terminal.print(`${published} ${published === 1 ? 'event' : 'events'} published again${known}`);
}

const OWN = 'mcp2-';

interface Original {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly id: string;
}

/** The event that was set aside, under an id that is the same whenever it is replayed. */
export function originalOf({
  payload,
  contentType,
  attributes,
  sequence,
}: Pick<ShownEvent, 'payload' | 'contentType' | 'attributes' | 'sequence'>): Original {
  const topic = attributes[`${OWN}topic`] ?? '';
  const former = attributes[`${OWN}sequence`] ?? String(sequence);
  const attempts = attributes[`${OWN}attempts`] ?? '0';
  const entries = Object.entries(attributes).filter(([key]) => !key.toLowerCase().startsWith(OWN));
  return {
    ...{ topic, payload, contentType, attributes: Object.fromEntries(entries) },
    id: shortId(`replay/${topic}/${former}/${attempts}`),
  };
}

const MAX_ID_BYTES = 128;

/** A topic alone may be longer than an id. */
function shortId(id: string): string {
  return id.length <= MAX_ID_BYTES ? id : `replay/${createHash('sha256').update(id).digest('hex')}`;
}

/** `orders:new   17   max_deliver after 10 attempts   {"order":7}`; the sequence is that of the original. */
function formatParked(event: ShownEvent): string {
  const about = (name: string) => onOneLine(event.attributes[`${OWN}${name}`] ?? '?');
  const attempts = about('attempts');
  const why = `${about('reason')} after ${attempts} ${attempts === '1' ? 'attempt' : 'attempts'}`;
  return `${about('topic')}   ${about('sequence')}   ${why}   ${formatPayload(event.payload)}`;
}

/** After so long without an event the bus is asked whether there are more. */
const IDLE_MS = 500;
/** What the bus counts and does not give was damaged, or is being removed. */
const GIVE_UP_MS = 10_000;

/** What is there when it is asked for, and what is set aside meanwhile. */
async function* readParked(
  client: Client,
  { name, timeoutMs }: ParkedRequest,
  { clock, note }: Terminal,
): AsyncGenerator<ReceivedEvent> {
  const done = new AbortController();
  let received = 0;
  let lastMs = clock.monotonicMs();
  const onGap = () => note('Some of what was set aside cannot be read any more.');
  const events = client.subscribe(`_dlq:${name}`, {
    ...{ from: 'earliest', deadlineMs: timeoutMs, signal: done.signal, onGap },
  });
  const watching = endWhenRead();
  try {
    for await (const event of events) {
      received += 1;
      lastMs = clock.monotonicMs();
      yield event;
      lastMs = clock.monotonicMs();
    }
  } catch (error) {
    if (!done.signal.aborted) throw error;
    await watching;
  } finally {
    done.abort();
  }

  /** A stream of events has no end: it is read to the end when all that the bus counts has come. */
  async function endWhenRead(): Promise<void> {
    try {
      while (!done.signal.aborted) {
        const silentMs = clock.monotonicMs() - lastMs;
        if (silentMs >= IDLE_MS && (silentMs >= GIVE_UP_MS || received >= (await countParked(client, name)))) break;
        await clock.sleep(IDLE_MS / 5, done.signal).catch(() => undefined);
      }
    } finally {
      done.abort();
    }
  }
}

async function countParked(client: Client, name: string): Promise<number> {
  return (await client.subscriptions()).find((one) => one.name === name)?.parked ?? 0;
}
