/** Events and filters for tests of an event log. */
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import type {
  Appended,
  EventLog,
  LogPage,
  NewEvent,
  Offset,
  StoredEvent,
} from '../../../services/event-bus/log/event-log.ts';

export function event(topic: string, fields: Partial<NewEvent> = {}): NewEvent {
  return {
    topic,
    payload: Buffer.from(`about ${topic}`),
    contentType: 'text/plain',
    attributes: {},
    eventId: '',
    publisher: 'spiffe://test/publisher',
    publisherKey: 'publisher',
    expectedLastSequence: undefined,
    ...fields,
  };
}

export function filter(text: string): Pattern {
  const pattern = compilePattern(text);
  if (pattern === undefined) throw new Error(`"${text}" is no filter`);
  return pattern;
}

/** One after another. */
export async function appendAll(log: EventLog, topics: readonly string[]): Promise<Appended[]> {
  return Promise.all(topics.map((topic) => log.append(event(topic))));
}

export interface ReadAllOptions {
  readonly maxEvents?: number;
  readonly maxBytes?: number;
}

/** Page after page, to the end of the log. */
export async function readAll(
  log: EventLog,
  text: string,
  after: Offset = 0,
  { maxEvents = 256, maxBytes = 1024 * 1024 }: ReadAllOptions = {},
): Promise<{ events: StoredEvent[]; missed: number; pages: LogPage[] }> {
  const events: StoredEvent[] = [];
  const pages: LogPage[] = [];
  let missed = 0;
  const { end } = log;
  for (let at = after; at < end; ) {
    const page = await log.read({ after: at, filter: filter(text), maxEvents, maxBytes });
    if (page.upTo <= at && page.missed === 0) throw new Error(`a page after ${at} leads nowhere`);
    events.push(...page.events);
    missed += page.missed;
    pages.push(page);
    at = page.upTo;
  }
  return { events, missed, pages };
}

/** As `topic#sequence`, in order. */
export function named(events: readonly StoredEvent[]): string[] {
  return events.map(({ topic, sequence }) => `${topic}#${sequence}`);
}
