/** The program of `one-at-a-time.ts`. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import type { EventBusClient } from '#protos/generated/mcp2/EventBus.ts';
import type { EventPublishAck__Output } from '#protos/generated/mcp2/EventPublishAck.ts';
import { loadServices } from '#protos/load.ts';
import { answerQuestions } from '../../harness/event-load/load-process.ts';
import { type AcknowledgedFigures, summarize } from './acknowledged.ts';
import type { OneAtATimeConfig } from './one-at-a-time.ts';

/** Until the subscriber is known to the bus. */
const FIRST_EVENT_MS = 50;

type Publish = () => Promise<unknown>;

async function open({ until, target, token, topic, payloadBytes }: OneAtATimeConfig): Promise<Publish> {
  const definition = loadServices().EventBus as unknown as ServiceDefinition;
  const Client = makeGenericClientConstructor(definition, 'EventBus');
  const client = new Client(target, credentials.createInsecure()) as unknown as EventBusClient;
  const call = client.PublishStream();
  const payload = Buffer.alloc(payloadBytes, 7);
  let isFirst = true;
  const write = () => {
    call.write({ topic, payload, ...(isFirst ? { publisher_token: token } : {}) });
    isFirst = false;
  };
  if (until === 'answer') {
    return () => {
      write();
      return once(call, 'data');
    };
  }
  call.on('data', ({ error }: EventPublishAck__Output) => {
    if (error) throw new Error(`refused: ${error.message}`);
  });
  const events = client.Subscribe({ topic_filter: topic, subscriber_token: token });
  let isSubscribed = false;
  events.once('data', () => {
    isSubscribed = true;
  });
  while (!isSubscribed) {
    write();
    await sleep(FIRST_EVENT_MS);
  }
  // Those that were on their way are no answer to what comes.
  await sleep(FIRST_EVENT_MS);
  return () => {
    write();
    return once(events, 'data');
  };
}

async function run(publish: Publish, seconds: number): Promise<AcknowledgedFigures> {
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  for (let nowMs = startedMs; nowMs < endMs; ) {
    await publish();
    const doneMs = performance.now();
    tookMs.push(doneMs - nowMs);
    nowMs = doneMs;
  }
  return summarize(tookMs, performance.now() - startedMs);
}

if (import.meta.main) {
  const publish = await open(JSON.parse(process.argv[2] ?? '{}') as OneAtATimeConfig);
  answerQuestions({ run: (seconds: number) => run(publish, seconds) });
}
