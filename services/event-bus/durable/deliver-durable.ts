/**
 * The stream of a durable subscription: what was in flight and is due comes first, then what follows its position, never more
 * than `maxInFlight` unsettled.
 */
import type { EncodedBatch } from '#lib/grpc/method.ts';
import type { AckIds } from '../ack-id.ts';
import { WRITE_LIMITS } from '../delivery/deliver-plain.ts';
import type { EventSource } from '../delivery/event-source.ts';
import type { Subscriber } from '../delivery/subscriber.ts';
import type { Envelopes } from '../envelope.ts';
import type { Offset } from '../log/event-log.ts';
import type { EventBusMetrics } from '../metrics.ts';
import type { Feed, TailEntry } from '../tail/feed.ts';
import type { Durable } from './durable.ts';

export interface DurableDelivery {
  readonly subscriber: Subscriber;
  readonly source: EventSource;
  readonly envelopes: Envelopes;
  readonly feed: Feed;
  readonly durable: Durable;
  readonly ackIds: AckIds;
  readonly maxInFlight: number;
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  readonly now: () => number;
  readonly counts: Pick<EventBusMetrics, 'parked' | 'redelivered'>;
}

/** Sending is delivery: how often the position is written. */
const POSITION_EVERY_MS = 1_000;
/** Read one by one; events of 256 KiB at most. */
const BACKLOG_AT_ONCE = 16;

export async function* deliverExplicit(delivery: DurableDelivery): AsyncGenerator<EncodedBatch> {
  const { subscriber, source, durable, maxInFlight, now } = delivery;
  for (;;) {
    subscriber.requireOpen();
    if (durable.needsTouch) await durable.touch();
    const again = await redeliver(delivery);
    const first = await deliverNew(delivery);
    const messages = [...again.messages, ...first.messages];
    // Whatever was handed out is written without waiting: an event that a crash makes new again is delivered again.
    if (messages.length > 0 || again.hasParked || first.hasMoved)
      durable.flush().catch((error) => subscriber.fail(error));
    if (messages.length > 0) yield subscriber.batch(messages, durable.position);
    else if (!first.hasMoved && !again.hasParked) {
      const beat = durable.position >= source.end ? subscriber.heartbeat(durable.position) : undefined;
      if (beat !== undefined) yield beat;
      const nextMs = durable.inFlight.nextDueMs(maxInFlight);
      if (beat === undefined && nextMs > now()) await subscriber.wait(nextMs);
    }
  }
}

async function redeliver(delivery: DurableDelivery): Promise<{ messages: Buffer[]; hasParked: boolean }> {
  const { durable, source, feed, subscriber, envelopes, maxDeliver, maxInFlight, now, counts } = delivery;
  const messages: Buffer[] = [];
  let hasParked = false;
  for (const { offset, attempt } of durable.inFlight.due(now(), maxInFlight).slice(0, WRITE_LIMITS.maxEvents)) {
    if (attempt >= maxDeliver) {
      durable.park(offset, attempt, 'max_deliver');
      counts.parked('max_deliver');
      hasParked = true;
      continue;
    }
    const entry = await source.find(feed, offset);
    // It may have been settled meanwhile.
    if (durable.inFlight.attemptOf(offset) !== attempt) continue;
    if (entry !== undefined) {
      messages.push(deliver(delivery, entry.bytes, offset, attempt + 1));
      counts.redelivered(1);
    } else {
      durable.settle(offset);
      if (subscriber.wantsControl) messages.push(envelopes.gap(offset, 1));
    }
  }
  return { messages, hasParked };
}

async function deliverNew(delivery: DurableDelivery): Promise<{ messages: Buffer[]; hasMoved: boolean }> {
  const { durable, source, feed, subscriber, envelopes, maxInFlight } = delivery;
  const room = Math.min(WRITE_LIMITS.maxEvents, maxInFlight - durable.inFlight.size);
  if (room > 0 && durable.backlog.length > 0) return deliverBacklog(delivery, room);
  if (durable.position >= source.end) return { messages: [], hasMoved: false };
  if (room <= 0) return { messages: [], hasMoved: await skipUnwanted(delivery) };
  const before = durable.position;
  const page = await source.read(feed, before, { ...WRITE_LIMITS, maxEvents: room });
  subscriber.requireOpen();
  const messages = page.entries.map((entry) => deliver(delivery, entry.bytes, entry.offset, 1));
  if (page.gap !== undefined && subscriber.wantsControl) messages.unshift(envelopes.gap(before, page.gap));
  durable.moveTo(page.upTo);
  return { messages, hasMoved: page.upTo > before };
}

/**
 * With no room for another event: whether there is one at all. Where there is none the log was read to its end, and a heartbeat
 * may say so.
 */
async function skipUnwanted({ durable, source, feed }: DurableDelivery): Promise<boolean> {
  const page = await source.read(feed, durable.position, { maxEvents: 1, maxBytes: 1 });
  if (page.entries.length > 0 || page.gap !== undefined || page.upTo <= durable.position) return false;
  durable.moveTo(page.upTo);
  return true;
}

async function deliverBacklog(
  delivery: DurableDelivery,
  room: number,
): Promise<{ messages: Buffer[]; hasMoved: boolean }> {
  const owed = await readBacklog(delivery, Math.min(room, BACKLOG_AT_ONCE));
  return { messages: owed.map(({ bytes, offset }) => deliver(delivery, bytes, offset, 1)), hasMoved: true };
}

/** The next ones that are still there. */
async function readBacklog({ durable, source, feed }: DurableDelivery, count: number): Promise<readonly TailEntry[]> {
  const found: TailEntry[] = [];
  for (const offset of durable.backlog.splice(0, count)) {
    const entry = await source.find(feed, offset);
    if (entry === undefined) durable.skip(offset);
    else found.push(entry);
  }
  return found;
}

function unacknowledged(envelopes: Envelopes, bytes: Buffer): Buffer {
  return envelopes.marked(bytes, { attempt: 1, ackId: '' });
}

function deliver(
  { durable, envelopes, ackIds, ackWaitMs }: DurableDelivery,
  bytes: Buffer,
  offset: Offset,
  attempt: number,
): Buffer {
  durable.deliver(offset, attempt, ackWaitMs);
  return envelopes.marked(bytes, { attempt, ackId: ackIds.make(durable.record.id, { offset, attempt }) });
}

/** For ACK_MODE_NONE: sending is delivery, and the position is written once a second. */
export async function* deliverUnacknowledged(delivery: DurableDelivery): AsyncGenerator<EncodedBatch> {
  const { subscriber, source, feed, durable, envelopes, now } = delivery;
  let writtenMs = now();
  let written = durable.position;
  for (;;) {
    subscriber.requireOpen();
    if (durable.needsTouch) await durable.touch();
    if (durable.backlog.length > 0) {
      const owed = await readBacklog(delivery, BACKLOG_AT_ONCE);
      for (const { offset } of owed) durable.skip(offset);
      if (owed.length > 0)
        yield subscriber.batch(
          owed.map(({ bytes }) => unacknowledged(envelopes, bytes)),
          durable.position,
        );
      continue;
    }
    const before = durable.position;
    const page = await source.read(feed, before, WRITE_LIMITS);
    subscriber.requireOpen();
    const messages = page.entries.map(({ bytes }) => unacknowledged(envelopes, bytes));
    if (page.gap !== undefined && subscriber.wantsControl) messages.unshift(envelopes.gap(before, page.gap));
    durable.moveTo(page.upTo);
    if (durable.position > written && now() >= writtenMs + POSITION_EVERY_MS) {
      [written, writtenMs] = [durable.position, now()];
      durable.flush().catch((error) => subscriber.fail(error));
    }
    if (messages.length > 0) yield subscriber.batch(messages, durable.position);
    else if (page.upTo === before || page.upTo >= source.end) {
      const beat = subscriber.heartbeat(durable.position);
      if (beat !== undefined) yield beat;
      await subscriber.wait(durable.position > written ? writtenMs + POSITION_EVERY_MS : undefined);
    }
  }
}
