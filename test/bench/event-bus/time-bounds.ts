/** How long the bus takes where somebody waits for it: to start, to forget, and to read from before its tail. */

import { machineMs } from '../../harness/event-load/load-process.ts';
import {
  encodePublishes,
  encodeSubscribe,
  type LoadedBus,
  startLoadedBus,
} from '../../harness/event-load/loaded-bus.ts';
import { startPublisher } from '../../harness/event-load/publisher.ts';
import { startSinks } from '../../harness/event-load/sinks.ts';
import { eventually } from '../../harness/eventually.ts';
import { IN_FLIGHT, PAYLOAD_BYTES, type Setting } from './setting.ts';

const EVENTS = 100_000;
const EVENTS_IN_SMOKE = 2_000;
const FILTER = 'bench:bounds:*';
const TOPICS = Array.from({ length: 100 }, (_, index) => `bench:bounds:t${index}`);
/** So that all but the newest thousands lie before the tail. */
const SMALL_TAIL = { MCP2_EVENT_BUS_TAIL_BYTES: String(1024 * 1024) };
const FORGET = { MCP2_EVENT_BUS_RETENTION_EVENTS_PER_TOPIC: '1' };
const TIMEOUT_MS = 300_000;

export async function measureTimeBounds({ options, report }: Setting): Promise<void> {
  const events = options.smoke ? EVENTS_IN_SMOKE : EVENTS;
  await using bus = await startLoadedBus({ settings: SMALL_TAIL });
  await fill(bus, events);
  const wide = await readAll(bus, FILTER, events);
  const narrow = await readAll(bus, TOPICS[0] as string, events / TOPICS.length);
  await bus.process.stop();
  const cleanMs = await timed(() => bus.restart());
  await bus.process.kill();
  const killedMs = await timed(() => bus.restart());
  await bus.process.stop();
  await bus.restart(FORGET);
  const retention = await untilForgotten(bus, events);
  report({
    title: 'Time bounds of the event bus',
    target: 'none',
    shape: `a log of ${events} events on ${TOPICS.length} topics, ${PAYLOAD_BYTES} bytes`,
    rows: [],
    figures: {
      'start after a clean end (ms)': cleanMs,
      'start after SIGKILL, with its check (ms)': killedMs,
      [`${wide.events} events from before the tail, all topics (ms)`]: wide.tookMs,
      'their first event (ms)': wide.firstMs,
      [`${narrow.events} events from before the tail, one topic (ms)`]: narrow.tookMs,
      'retention of all but one event a topic (ms)': retention.tookMs,
      'longest publish meanwhile (ms)': retention.longestWaitMs,
    },
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = machineMs();
  await work();
  return machineMs() - startMs;
}

async function fill(bus: LoadedBus, events: number): Promise<void> {
  const requests = encodePublishes(bus.token, TOPICS, PAYLOAD_BYTES);
  // The first topic's one more is the one that carries the token.
  using publisher = await startPublisher({ target: bus.target, requests, inFlight: IN_FLIGHT, total: events });
  await publisher.ask('start');
  await eventually(
    () => publisher.ask('count'),
    ({ acknowledged }) => acknowledged >= events,
    { what: `${events} events are acknowledged`, timeoutMs: TIMEOUT_MS },
  );
}

interface Reading {
  readonly events: number;
  readonly firstMs: number;
  readonly tookMs: number;
}

async function readAll(bus: LoadedBus, filter: string, atLeast: number): Promise<Reading> {
  const request = encodeSubscribe({
    topic_filter: filter,
    subscriber_token: bus.token,
    start: 'START_POLICY_EARLIEST',
  });
  const startMs = machineMs();
  using sink = await startSinks({ target: bus.target, requests: [request], connections: 1, checked: false });
  let firstMs = Number.NaN;
  const counts = await eventually(
    () => sink.ask('count'),
    ({ atMs, events: [came = 0] }) => {
      if (came > 0 && Number.isNaN(firstMs)) firstMs = atMs - startMs;
      return came >= atLeast;
    },
    { what: `${atLeast} events come`, intervalMs: 1, timeoutMs: TIMEOUT_MS },
  );
  return { events: counts.events[0] ?? 0, firstMs, tookMs: counts.atMs - startMs };
}

/** From the start, until the log says that what is over the bound is gone, with one publish after the other meanwhile. */
async function untilForgotten(bus: LoadedBus, events: number) {
  const requests = encodePublishes(bus.token, TOPICS, PAYLOAD_BYTES);
  using publisher = await startPublisher({ target: bus.target, requests, inFlight: 1 });
  const startMs = machineMs();
  await publisher.ask('start');
  await eventually(
    () => retained(bus),
    (count) => count < events / 10,
    { what: 'the log has forgotten', timeoutMs: TIMEOUT_MS },
  );
  const { longestWaitMs } = await publisher.ask('stop');
  return { tookMs: machineMs() - startMs, longestWaitMs };
}

async function retained({ client, token }: LoadedBus): Promise<number> {
  const request = { topic_filter: FILTER, subscriber_token: token, page_size: TOPICS.length };
  const { topics } = await client.call('ListTopics', request);
  return topics.reduce((sum, { events }) => sum + Number(events), 0);
}
