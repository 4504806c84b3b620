/**
 * Starts the event bus: a log, the newest events in memory, and the EventBus service over both. `main.ts` and `mcp2 up` share
 * this.
 */
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { implement } from '#lib/grpc/method.ts';
import { serverStream } from '#lib/grpc/server-stream.ts';
import { unary } from '#lib/grpc/unary.ts';
import type { Access } from '#lib/service/access.ts';
import { type RunningService, type Served, type ServiceRuntime, startService } from '#lib/service/start-service.ts';
import { EVENT_BUS_NAME } from '#lib/well-known.ts';
import type { EventEnvelope } from '#protos/generated/mcp2/EventEnvelope.ts';
import type { EventPublishAck } from '#protos/generated/mcp2/EventPublishAck.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventSubscribeRequest__Output } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import type { Services } from '#protos/load.ts';
import { createAck } from './ack.ts';
import { AckIds } from './ack-id.ts';
import { CallerKeys } from './caller-key.ts';
import type { EventBusConfig } from './config.ts';
import { createDeleteSubscription } from './delete-subscription.ts';
import { EventSource } from './delivery/event-source.ts';
import { Durables } from './durable/durables.ts';
import { Envelopes } from './envelope.ts';
import { createBusGuards, FORMS } from './guards.ts';
import { createListSubscriptions } from './list-subscriptions.ts';
import { createListTopics } from './list-topics.ts';
import type { EventLog } from './log/event-log.ts';
import { createEventBusMetrics } from './metrics.ts';
import { KnownTopics } from './publish/known-topics.ts';
import { Publishing } from './publish/publishing.ts';
import { readSchemas } from './publish/read-schemas.ts';
import { TopicSchemas } from './publish/topic-schemas.ts';
import { createPublish } from './publish.ts';
import { createPublishStream } from './publish-stream.ts';
import { Quotas } from './quotas.ts';
import { createSubscribe } from './subscribe.ts';
import { Tail } from './tail/tail.ts';

export interface EventBusDependencies extends ServiceRuntime {
  /** Closed by whoever opened it, after the bus stopped. */
  readonly eventLog: EventLog;
  readonly protos: Pick<Services, 'EventBus'>;
}

/** A payload of 256 KiB, 32 KiB of attributes, a token and the names. */
const MAX_REQUEST_BYTES = 512 * 1024;

/** @throws ListenError, or ConfigError for a file of keys, TLS or schemas that cannot be used. */
export async function start(config: EventBusConfig, dependencies: EventBusDependencies): Promise<RunningService> {
  const schemas = new TopicSchemas(readSchemas(config.schemasFile));
  return startService(dependencies, {
    name: 'event bus',
    serverName: EVENT_BUS_NAME,
    settings: config,
    serve: (access) => serveEventBus({ ...dependencies, config, schemas, access }),
    limits: { maxRequestBytes: MAX_REQUEST_BYTES, drainTimeoutMs: config.slowConsumerAfterMs },
  });
}

interface EventBusParts extends EventBusDependencies {
  readonly config: EventBusConfig;
  readonly schemas: TopicSchemas;
  readonly access: Access;
}

function serveEventBus({ config, schemas, access, eventLog: log, protos, clock, metrics }: EventBusParts): Served {
  const { Subscribe, PublishStream } = protos.EventBus;
  const envelopes = new Envelopes(log.epoch, Subscribe.responseSerialize);
  const encode = envelopes.event.bind(envelopes);
  const tail = new Tail({ maxBytes: config.tailBytes, end: log.end, encode });
  log.follow((events) => tail.append(events));
  log.followRemovals((removals) => tail.remove(removals));
  const callers = new CallerKeys();
  const quotas = new Quotas(config.quotas, clock);
  const ackIds = new AckIds(log.ackKey);
  const durables = new Durables(log.durables, clock);
  const counts = createEventBusMetrics({ metrics, tail, durables });
  const source = new EventSource(log, tail, envelopes);
  const publishing = new Publishing({ log, quotas, callers, schemas, topics: new KnownTopics(), counts });
  const { revocations } = access;
  const subscribe = createSubscribe({
    ...{ log, tail, source, envelopes, durables, quotas, callers, ackIds, revocations, clock, counts },
  });
  const eventBus = implement(protos.EventBus, {
    Publish: unary(createPublish(publishing)),
    PublishStream: bidiStream<EventPublishRequest__Output, EventPublishAck>(
      createPublishStream({ publishing, clock, revocations, encode: PublishStream.responseSerialize }),
    ),
    Subscribe: serverStream<EventSubscribeRequest__Output, EventEnvelope>(subscribe),
    Ack: unary(createAck({ durables, callers, ackIds, counts })),
    DeleteSubscription: unary(createDeleteSubscription({ durables, callers })),
    ListTopics: unary(createListTopics(log)),
    ListSubscriptions: unary(createListSubscriptions({ log, durables, callers })),
  });
  return { services: [eventBus], stored: createBusGuards({ durables, callers }), forms: FORMS };
}
