/** A subscription without a name: everything after a cursor, each event once, while the stream is open. */
import { setImmediate } from 'node:timers/promises';
import type { Pattern } from '#lib/capability/pattern.ts';
import type { EncodedBatch } from '#lib/grpc/method.ts';
import type { Envelopes } from '../envelope.ts';
import type { EventLog, Offset } from '../log/event-log.ts';
import type { Feed, TakeLimits } from '../tail/feed.ts';
import type { EventSource, SourcePage } from './event-source.ts';
import type { Subscriber } from './subscriber.ts';

/** Of one write to one reader. */
export const WRITE_LIMITS: TakeLimits = Object.freeze({ maxEvents: 256, maxBytes: 64 * 1024 });

export interface PlainDelivery {
  readonly subscriber: Subscriber;
  readonly source: EventSource;
  readonly envelopes: Envelopes;
  readonly feed: Feed;
  readonly after: Offset;
}

export async function* deliverPlain({ subscriber, source, envelopes, feed, after }: PlainDelivery) {
  let cursor = after;
  for (;;) {
    subscriber.requireOpen();
    const read = source.read(feed, cursor, WRITE_LIMITS);
    const page = read instanceof Promise ? await read : read;
    const messages = toMessages(page, subscriber, envelopes);
    const hasMoved = page.upTo > cursor;
    cursor = page.upTo;
    if (messages.length > 0) yield subscriber.batch(messages, page.entries.at(-1)?.offset ?? cursor);
    else if (hasMoved && cursor < source.end) await setImmediate();
    else {
      const beat = subscriber.heartbeat(cursor);
      if (beat !== undefined) yield beat;
      await subscriber.wait();
    }
  }
}

function toMessages({ entries, upTo, gap }: SourcePage, subscriber: Subscriber, envelopes: Envelopes): Buffer[] {
  const messages = entries.map((entry) => entry.bytes);
  // Before what was found behind the gap; resuming from it reads those again.
  if (gap !== undefined && subscriber.wantsControl) {
    const before = entries[0] === undefined ? upTo : entries[0].offset - 1;
    messages.unshift(envelopes.gap(before, gap));
  }
  return messages;
}

export interface LastPerTopic extends Omit<PlainDelivery, 'source' | 'after' | 'feed'> {
  readonly log: EventLog;
  readonly filter: Pattern;
  /** Of the log when the subscription began. */
  readonly end: Offset;
}

const LOG_LIMITS: TakeLimits = Object.freeze({ maxEvents: 256, maxBytes: 1024 * 1024 });

/**
 * The newest event of each topic up to `end`. Each carries the cursor of the phase's end: resuming from one's own place in the
 * log would bring back the events between, which later ones have replaced.
 */
export async function* deliverLastPerTopic({
  subscriber,
  envelopes,
  log,
  filter,
  end,
}: LastPerTopic): AsyncGenerator<EncodedBatch> {
  let after: Offset = 0;
  while (after < end) {
    subscriber.requireOpen();
    const { events, upTo } = await log.readLastPerTopic({ after, upTo: end, filter, ...LOG_LIMITS });
    after = upTo;
    if (events.length === 0) continue;
    const messages = events.map((event) => envelopes.withCursor(envelopes.event(event), end));
    yield subscriber.batch(messages, end);
  }
}
