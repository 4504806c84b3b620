/**
 * A bus as grpc-js makes one at first: no token is looked at, nothing is stored, and each event is written to each
 * subscriber as a message, which serialises it once for each. Its one argument is `{}`. Prints "listening on PORT".
 *
 * With `echo`, PublishStream answers each request at once with as many bytes: what one message over a stream costs.
 */
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import type { EventEnvelope } from '#protos/generated/mcp2/EventEnvelope.ts';
import type { EventPublishAck } from '#protos/generated/mcp2/EventPublishAck.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventSubscribeRequest__Output } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { loadServices } from '#protos/load.ts';

type Subscriber = ServerWritableStream<EventSubscribeRequest__Output, EventEnvelope>;
type Publisher = ServerDuplexStream<EventPublishRequest__Output, EventPublishAck>;

function main(): void {
  const { EventBus } = loadServices();
  const subscribers = new Set<Subscriber>();
  let sequence = 0;
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const { Subscribe, PublishStream } = EventBus;
  server.addService({ Subscribe, PublishStream } as unknown as ServiceDefinition, {
    Subscribe(call: Subscriber) {
      subscribers.add(call);
      const leave = () => subscribers.delete(call);
      call.on('cancelled', leave).on('error', leave).on('close', leave);
    },
    PublishStream(call: Publisher) {
      let index = 0;
      call.on('error', () => undefined);
      call.on('end', () => call.end());
      call.on('data', ({ topic, payload }: EventPublishRequest__Output) => {
        sequence += 1;
        const cursor = Buffer.alloc(16);
        const envelope = { topic, payload, sequence_id: sequence, previous_sequence_id: sequence - 1, cursor };
        for (const subscriber of subscribers) subscriber.write(envelope);
        call.write({ index, response: { success: true, sequence_id: sequence, cursor } });
        index += 1;
      });
    },
  });
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(`listening on ${port}`);
  });
}

if (import.meta.main) main();
