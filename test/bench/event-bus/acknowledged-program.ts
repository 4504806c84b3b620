/** The program of `acknowledged.ts`. */
import { credentials, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { EventBusClient } from '#protos/generated/mcp2/EventBus.ts';
import type { EventPublishAck__Output } from '#protos/generated/mcp2/EventPublishAck.ts';
import { loadServices } from '#protos/load.ts';
import { connectTo } from '../../harness/client-events.ts';
import { answerQuestions } from '../../harness/event-load/load-process.ts';
import { type AcknowledgedConfig, type AcknowledgedFigures, summarize } from './acknowledged.ts';

/** Resolves when it is acknowledged. */
type Publish = (topic: string) => Promise<unknown>;

async function openJetStream({
  target,
  stream: name = '',
  topics,
  payloadBytes,
}: AcknowledgedConfig): Promise<Publish> {
  const connection = await connect({ servers: target });
  const manager = await jetstreamManager(connection);
  const subjects = topics.map((topic) => topic.replaceAll(':', '.'));
  await manager.streams.add({ name, subjects, storage: StorageType.File });
  const stream = jetstream(connection);
  const payload = new Uint8Array(payloadBytes).fill(7);
  const subjectOf = new Map(topics.map((topic, index) => [topic, subjects[index] as string]));
  return (topic) => stream.publish(subjectOf.get(topic) as string, payload);
}

async function openClient({ target, token, payloadBytes, through }: AcknowledgedConfig): Promise<Publish> {
  const mcp2 = await connectTo(target, { token });
  const publisher = mcp2.publisher({ pipelined: through === 'client, pipelined' });
  const payload = Buffer.alloc(payloadBytes, 7);
  return (topic) => publisher.publish(topic, payload);
}

function openStream({ target, token, payloadBytes }: AcknowledgedConfig): Publish {
  const definition = loadServices().EventBus as unknown as ServiceDefinition;
  const Client = makeGenericClientConstructor(definition, 'EventBus');
  const client = new Client(target, credentials.createInsecure()) as unknown as EventBusClient;
  const call = client.PublishStream();
  const waiting = new Map<number, { resolve: () => void; reject: (error: unknown) => void }>();
  const payload = Buffer.alloc(payloadBytes, 7);
  let index = 0;
  call.on('data', ({ index: settled, error }: EventPublishAck__Output) => {
    const one = waiting.get(Number(settled));
    waiting.delete(Number(settled));
    if (error) one?.reject(new Error(`refused: ${error.message}`));
    else one?.resolve();
  });
  call.on('error', (error: unknown) => {
    for (const { reject } of waiting.values()) reject(error);
  });
  return (topic) =>
    new Promise<void>((resolve, reject) => {
      call.write({ topic, payload, ...(index === 0 ? { publisher_token: token } : {}) });
      waiting.set(index, { resolve, reject });
      index += 1;
    });
}

async function open(config: AcknowledgedConfig): Promise<Publish> {
  if (config.through === 'jetstream') return openJetStream(config);
  return config.through === 'grpc-js' ? openStream(config) : openClient(config);
}

async function run(publish: Publish, config: AcknowledgedConfig, seconds: number): Promise<AcknowledgedFigures> {
  const { topics, inFlight } = config;
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  let next = 0;
  const work = async () => {
    for (let nowMs = performance.now(); nowMs < endMs; ) {
      const topic = topics[next++ % topics.length] as string;
      await publish(topic);
      const doneMs = performance.now();
      tookMs.push(doneMs - nowMs);
      nowMs = doneMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return summarize(tookMs, performance.now() - startedMs);
}

if (import.meta.main) {
  const config = JSON.parse(process.argv[2] ?? '{}') as AcknowledgedConfig;
  const publish = await open(config);
  answerQuestions({ run: (seconds: number) => run(publish, config, seconds) });
}
