/** Subscribe: which of the ways to deliver a request asks for, from opening what it needs to letting it go. */
import type { Pattern } from '#lib/capability/pattern.ts';
import { compileFilter } from '#lib/capability/resource.ts';
import type { Clock } from '#lib/clock.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { EncodedBatch } from '#lib/grpc/method.ts';
import type { Revocations } from '#lib/token/revocations.ts';
import { AckMode } from '#protos/generated/mcp2/AckMode.ts';
import type { EventSubscribeRequest__Output } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { StartPolicy } from '#protos/generated/mcp2/StartPolicy.ts';
import type { AckIds } from './ack-id.ts';
import type { CallerKeys } from './caller-key.ts';
import { deliverLastPerTopic, deliverPlain } from './delivery/deliver-plain.ts';
import type { EventSource } from './delivery/event-source.ts';
import { Subscriber } from './delivery/subscriber.ts';
import { deliverExplicit, deliverUnacknowledged } from './durable/deliver-durable.ts';
import { deliverParked } from './durable/deliver-parked.ts';
import type { Durables } from './durable/durables.ts';
import type { Envelopes } from './envelope.ts';
import type { EventLog } from './log/event-log.ts';
import type { EventBusMetrics } from './metrics.ts';
import type { Quotas } from './quotas.ts';
import { beginDurable, locateStart } from './subscribe/start-position.ts';
import {
  DEFAULT_ACK_WAIT_MS,
  DEFAULT_IN_FLIGHT,
  DEFAULT_MAX_DELIVER,
  isParkedFilter,
} from './subscribe/subscribe-form.ts';
import type { Tail } from './tail/tail.ts';

export interface SubscribeOptions {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly source: EventSource;
  readonly envelopes: Envelopes;
  readonly durables: Durables;
  readonly quotas: Quotas;
  readonly callers: CallerKeys;
  readonly ackIds: AckIds;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly counts: EventBusMetrics;
}

export function createSubscribe(options: SubscribeOptions) {
  return async function* subscribe(request: EventSubscribeRequest__Output, call: CallContext) {
    const token = call.requireCaller();
    const owner = options.callers.of(token);
    const release = options.quotas.openStream(owner);
    const subscriber = new Subscriber({
      ...options,
      token,
      heartbeatMs: request.idle_heartbeat_ms,
      signal: call.signal,
      isDurable: request.durable_name !== '',
      onSlow() {
        const { topic_filter: filter, durable_name: durable } = request;
        call.log.warn({ sub: token.sub, filter, durable }, 'a subscriber took nothing for too long and was ended');
      },
    });
    options.counts.streamOpened();
    try {
      yield* deliver({ ...options, request, subscriber, owner });
    } finally {
      subscriber.close();
      release();
      options.counts.streamClosed();
    }
  };
}

interface Subscription extends SubscribeOptions {
  readonly request: EventSubscribeRequest__Output;
  readonly subscriber: Subscriber;
  readonly owner: string;
}

function deliver(subscription: Subscription): AsyncGenerator<EncodedBatch> {
  const { request } = subscription;
  if (isParkedFilter(request.topic_filter)) return deliverParked(subscription);
  // Before anything is located: what is published from now on is in the feed.
  return withFeed(subscription, request.durable_name === '' ? plain : durable);
}

type DeliverFrom = (
  subscription: Subscription,
  feed: ReturnType<Tail['open']>,
  filter: Pattern,
) => AsyncGenerator<EncodedBatch>;

async function* withFeed(subscription: Subscription, from: DeliverFrom): AsyncGenerator<EncodedBatch> {
  const { tail, request, subscriber } = subscription;
  const filter = compileFilter('topic filter', request.topic_filter);
  const feed = tail.open(filter);
  feed.listeners.add(subscriber.wakeup.wake);
  try {
    yield* from(subscription, feed, filter);
  } finally {
    feed.listeners.delete(subscriber.wakeup.wake);
    tail.release(feed);
  }
}

const plain: DeliverFrom = async function* (subscription, feed, filter) {
  const { log, request } = subscription;
  const after = await locateStart(log, request, filter);
  if (request.start === StartPolicy.START_POLICY_LAST_PER_TOPIC) {
    yield* deliverLastPerTopic({ ...subscription, filter, end: after });
  }
  yield* deliverPlain({ ...subscription, feed, after });
};

const durable: DeliverFrom = async function* (subscription, feed, filter) {
  const { request, subscriber, durables, owner, clock, log } = subscription;
  const { durable_name: name, ack_mode: mode } = request;
  const explicitAck = mode === AckMode.ACK_MODE_EXPLICIT;
  const holder = { fail: (error: Error) => subscriber.fail(error), wake: subscriber.wakeup.wake };
  const wanted = { owner, name, filter: filter.text, explicitAck };
  const found = await durables.attach(wanted, holder, () => beginDurable(log, request, filter));
  try {
    const delivery = {
      ...subscription,
      feed,
      durable: found,
      maxInFlight: request.max_in_flight || DEFAULT_IN_FLIGHT,
      ackWaitMs: request.ack_wait_ms || DEFAULT_ACK_WAIT_MS,
      maxDeliver: request.max_deliver || DEFAULT_MAX_DELIVER,
      now: () => clock.monotonicMs(),
    };
    yield* explicitAck ? deliverExplicit(delivery) : deliverUnacknowledged(delivery);
  } finally {
    durables.detach(found, holder);
    // A position that was not written yet. What cannot be written is read again by the next stream.
    if (!found.isDeleted) found.flush().catch(() => undefined);
  }
};
