/**
 * Subscribers that take nothing cost the bus a bounded share of memory and the others nothing; those that vanish in the
 * middle of a frame leave nothing behind.
 *
 * MCP2_TEST_FULL: 1,000 subscribers on 100 topics, 100,000 deliveries a second, a tenth of them stopped for 10 minutes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { loadServices } from '#protos/load.ts';
import { encodePublishes, encodeSubscribe, type LoadedBus, startLoadedBus } from '../harness/event-load/loaded-bus.ts';
import { PatientReader } from '../harness/event-load/patient-reader.ts';
import { startPublisher } from '../harness/event-load/publisher.ts';
import { type Sinks, startSinks } from '../harness/event-load/sinks.ts';
import { eventually } from '../harness/eventually.ts';

const IS_FULL = process.env.MCP2_TEST_FULL !== undefined;
const MIB = 1024 * 1024;
const SUBSCRIBERS = IS_FULL ? 1_000 : 200;
const STOPPED = SUBSCRIBERS / 10;
const TOPICS = Array.from({ length: IS_FULL ? 100 : 20 }, (_, index) => `load:slow:t${index}`);
const PUBLISHES_PER_SECOND = IS_FULL ? 10_000 : 2_000;
const STOPPED_MS = IS_FULL ? 600_000 : 10_000;
/** Structurally the same as 60 s: a stream whose reader takes nothing for so long ends. */
const SLOW_AFTER = IS_FULL ? '60s' : '3s';
/** What the window of a stream holds is a second or two of it. */
const PAYLOAD_BYTES = IS_FULL ? 100 : 1_024;
const WARM_UP_MS = 3_000;
const STREAMS_PER_CONNECTION = 100;
/** For each of 200: more than all their sockets hold. */
const BROKEN_EVENTS = 600;
const BROKEN_PAYLOAD_BYTES = 12 * 1024;
const TEST_TIMEOUT_MS = STOPPED_MS + 300_000;

const topicOf = (subscriber: number) => TOPICS[subscriber % TOPICS.length] as string;

test(
  'a tenth of the subscribers takes nothing: memory is bounded, the others get every event, and they resume without loss',
  async () => {
    await using bus = await startLoadedBus({ settings: { MCP2_EVENT_BUS_SLOW_CONSUMER_AFTER: SLOW_AFTER } });
    using sinks = await startFastSubscribers(bus);
    using publisher = await startPublisher({
      target: bus.target,
      requests: encodePublishes(bus.token, TOPICS, PAYLOAD_BYTES),
      inFlight: 1_000,
      perSecond: PUBLISHES_PER_SECOND,
    });
    using slow = startSlowSubscribers(bus);
    await publisher.ask('start');
    await sleep(WARM_UP_MS);
    await eventually(
      () => bus.metric('mcp2_event_bus_streams'),
      (streams) => streams === SUBSCRIBERS,
    );
    const before = bus.rssBytes();
    for (const reader of slow.readers) reader.stop();
    const grownTo = await highestRss(bus, STOPPED_MS);
    await eventually(
      () => bus.metric('mcp2_event_bus_slow_consumers_total'),
      (ended) => ended === STOPPED,
    );
    const { acknowledged } = await publisher.ask('stop');
    slow.finishAt(acknowledged);
    await everythingCame(sinks, acknowledged);
    await slow.finished;
    expect(grownTo - before).toBeLessThanOrEqual(STOPPED * 4 * MIB + 64 * MIB);
    for (const reader of slow.readers) {
      expect(reader.ends.map(({ reason }) => reason)).toEqual(['SLOW_CONSUMER']);
      expect({ lost: reader.lost, doubled: reader.doubled }).toEqual({ lost: 0, doubled: 0 });
    }
  },
  TEST_TIMEOUT_MS,
);

test('200 subscribers that break off in the middle of a frame leave nothing after 5 s', async () => {
  await using bus = await startLoadedBus();
  const connections = Array.from({ length: 20 }, (_, index) => index);
  const request = encodeSubscribe({ topic_filter: 'load:broken', subscriber_token: bus.token });
  const requests = Array<string>(200).fill(request);
  await eventually(
    () => bus.metric('mcp2_event_bus_streams'),
    (streams) => streams === 0,
  );
  const filesBefore = bus.openFiles();
  // A window larger than what the sockets hold, so that it is these that the server stands before.
  using sinks = await startSinks({
    target: bus.target,
    requests,
    connections: 20,
    windowBytes: 512 * MIB,
    checked: false,
  });
  await eventually(
    () => bus.metric('mcp2_event_bus_streams'),
    (streams) => streams === 200,
  );
  await sinks.ask('pause', connections);
  using publisher = await startPublisher({
    target: bus.target,
    requests: encodePublishes(bus.token, ['load:broken'], BROKEN_PAYLOAD_BYTES),
    inFlight: 64,
    total: BROKEN_EVENTS,
  });
  await publisher.ask('start');
  await eventually(
    () => publisher.ask('count'),
    ({ acknowledged }) => acknowledged === BROKEN_EVENTS,
    { timeoutMs: 60_000 },
  );
  await standsStill(bus);
  // It stands in the middle of what it has to write.
  expect(await bus.metric('mcp2_event_bus_delivered_total')).toBeLessThan(200 * BROKEN_EVENTS);
  await sinks.ask('breakOff', connections);
  await eventually(
    async () => ({ streams: await bus.metric('mcp2_event_bus_streams'), files: bus.openFiles() }),
    ({ streams, files }) => streams === 0 && files <= filesBefore + 1,
    { timeoutMs: 5_000, what: 'streams and sockets are gone' },
  );
}, 120_000);

function startFastSubscribers(bus: LoadedBus): Promise<Sinks> {
  const requests = Array.from({ length: SUBSCRIBERS - STOPPED }, (_, subscriber) =>
    encodeSubscribe({
      topic_filter: topicOf(subscriber),
      subscriber_token: bus.token,
      start: 'START_POLICY_EARLIEST',
    }),
  );
  const connections = Math.ceil(requests.length / STREAMS_PER_CONNECTION);
  return startSinks({ target: bus.target, requests, connections, checked: true });
}

/** Of the topics' events in all, those of this one: they are published in turn, after one more of the first. */
function eventsOf(topic: string, published: number): number {
  const index = TOPICS.indexOf(topic);
  const turns = Math.ceil((published - 1 - index) / TOPICS.length);
  return turns + (index === 0 ? 1 : 0);
}

interface SlowSubscribers extends Disposable {
  readonly readers: readonly PatientReader[];
  /** They go on, to the last event. */
  finishAt(published: number): void;
  readonly finished: Promise<unknown>;
}

function startSlowSubscribers(bus: LoadedBus): SlowSubscribers {
  const client = createClient(loadServices().EventBus, bus.target, { credentials: plaintextClient() });
  let published: number | undefined;
  const readers = Array.from(
    { length: STOPPED },
    (_, subscriber) => new PatientReader({ client, topic: topicOf(subscriber), token: bus.token }),
  );
  const reading = readers.map((reader, subscriber) =>
    reader.readTo(() => (published === undefined ? undefined : eventsOf(topicOf(subscriber), published))),
  );
  return {
    readers,
    finishAt(count) {
      published = count;
      for (const reader of readers) reader.goOn();
    },
    finished: Promise.all(reading),
    [Symbol.dispose]: () => client.close(),
  };
}

async function highestRss(bus: LoadedBus, forMs: number): Promise<number> {
  let highest = bus.rssBytes();
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await sleep(100)) {
    highest = Math.max(highest, bus.rssBytes());
  }
  return highest;
}

async function everythingCame(sinks: Sinks, published: number): Promise<void> {
  const expected = Array.from({ length: SUBSCRIBERS - STOPPED }, (_, subscriber) => {
    const events = eventsOf(topicOf(subscriber), published);
    return { events, firstSequence: 1, lastSequence: events, lost: 0, doubled: 0, ended: undefined };
  });
  await eventually(
    () => sinks.ask('count'),
    ({ events }) => events.every((count, subscriber) => count >= (expected[subscriber]?.events ?? 0)),
    { what: 'every event has come', timeoutMs: 60_000 },
  );
  expect(await sinks.ask('report')).toEqual(expected);
}

/** Until the bus can write nothing more. */
async function standsStill(bus: LoadedBus): Promise<void> {
  let last = -1;
  await eventually(
    async () => {
      const before = last;
      last = await bus.metric('mcp2_event_bus_delivered_total');
      return last === before;
    },
    Boolean,
    { intervalMs: 500, timeoutMs: 60_000, what: 'the bus waits for its readers' },
  );
}
