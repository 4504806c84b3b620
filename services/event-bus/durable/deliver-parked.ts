/** `_dlq:<durable>`: what one of the caller's own durable subscriptions has set aside, oldest first, then as it comes. */

import { ServiceError } from '#lib/errors.ts';
import type { EncodedBatch } from '#lib/grpc/method.ts';
import type { EventSubscribeRequest__Output } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { StartPolicy } from '#protos/generated/mcp2/StartPolicy.ts';
import { decodeCursor } from '../cursor.ts';
import type { Subscriber } from '../delivery/subscriber.ts';
import { type Envelopes, PARKED_TOPIC } from '../envelope.ts';
import type { EventLog, ParkedEvent } from '../log/event-log.ts';
import type { Durable } from './durable.ts';
import { unknownSubscription } from './durable.ts';
import type { Durables } from './durables.ts';

export interface ParkedDelivery {
  readonly request: EventSubscribeRequest__Output;
  readonly subscriber: Subscriber;
  readonly envelopes: Envelopes;
  readonly durables: Durables;
  readonly log: EventLog;
  readonly owner: string;
}

/** Events of 256 KiB at most. */
const PAGE = 16;

export async function* deliverParked(delivery: ParkedDelivery): AsyncGenerator<EncodedBatch> {
  const { request, subscriber, envelopes, durables, log, owner } = delivery;
  const name = request.topic_filter.slice(PARKED_TOPIC.length + 1);
  const durable = await durables.find({ owner, name });
  if (durable === undefined) throw unknownSubscription(name);
  durable.onParked.add(subscriber.wakeup.wake);
  try {
    let { after, isWanted } = await begin(delivery, durable);
    for (;;) {
      subscriber.requireOpen();
      if (durable.isDeleted) throw unknownSubscription(name);
      const page = await log.durables.parked(durable.record.id, after, PAGE);
      const wanted = page.filter(isWanted);
      after = page.at(-1)?.number ?? after;
      if (wanted.length > 0)
        yield subscriber.batch(
          wanted.map((event) => envelopes.parked(name, event)),
          after,
        );
      if (page.length > 0) continue;
      isWanted = () => true;
      const beat = subscriber.heartbeat(after);
      if (beat !== undefined) yield beat;
      await subscriber.wait();
    }
  } finally {
    durable.onParked.delete(subscriber.wakeup.wake);
  }
}

interface Begin {
  /** Number of the last one that is not wanted. */
  readonly after: number;
  readonly isWanted: (event: ParkedEvent) => boolean;
}

async function begin({ request, log }: ParkedDelivery, durable: Durable): Promise<Begin> {
  const isWanted = () => true;
  switch (request.start) {
    case StartPolicy.START_POLICY_EARLIEST:
      return { after: 0, isWanted };
    case StartPolicy.START_POLICY_TIME:
      return { after: 0, isWanted: ({ parkedAtMs }) => parkedAtMs >= request.start_time_ms };
    default:
      return { after: afterOf(request, log, await lastNumber(log, durable)), isWanted };
  }
}

/** @throws ServiceError START_IN_FUTURE, LOG_EPOCH */
function afterOf(request: EventSubscribeRequest__Output, { epoch }: EventLog, last: number): number {
  switch (request.start) {
    case StartPolicy.START_POLICY_SEQUENCE:
      return requirePast(request.start_sequence - 1, last);
    case StartPolicy.START_POLICY_CURSOR:
      return requirePast(decodeCursor(epoch, request.start_cursor), last);
    case StartPolicy.START_POLICY_LAST_PER_TOPIC:
      return Math.max(0, last - 1);
    default:
      return last;
  }
}

function requirePast(after: number, last: number): number {
  if (after <= last) return after;
  throw new ServiceError('START_IN_FUTURE', `the start lies after the last event that was parked, number ${last}`);
}

async function lastNumber(log: EventLog, { record }: Durable): Promise<number> {
  let last = 0;
  for (;;) {
    const page = await log.durables.parked(record.id, last, PAGE);
    if (page.length === 0) return last;
    last = page.at(-1)?.number ?? last;
  }
}
