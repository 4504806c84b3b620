/**
 * One publisher to 100 subscribers that count frames and decode nothing, so that the server is what is measured: beside a
 * bus that serialises for each subscriber (P8), beside nats-server (P9), and with one subscriber that takes nothing (P17).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadProcess } from '../../harness/event-load/load-process.ts';
import { encodePublishes, encodeSubscribe } from '../../harness/event-load/loaded-bus.ts';
import { type RawPublisher, startPublisher } from '../../harness/event-load/publisher.ts';
import { type SinkCounts, type SinkQuestions, type Sinks, startSinks } from '../../harness/event-load/sinks.ts';
import { eventually } from '../../harness/eventually.ts';
import { cpuMicroseconds, type Sample } from '../h2load.ts';
import { startNatsPublisher, startNatsSinks } from './nats-raw.ts';
import {
  IN_FLIGHT,
  measure,
  PAYLOAD_BYTES,
  type Setting,
  startBus,
  startNatsServer,
  startPlainBus,
  type TimedVariant,
} from './setting.ts';

const SUBSCRIBERS = 100;
const TOPIC = 'bench:fan:out';
const SHAPE = `1 publisher, ${IN_FLIGHT} in flight, ${SUBSCRIBERS} subscribers on one connection, ${PAYLOAD_BYTES} bytes`;
const CATCH_UP_MS = 60_000;
const QUIET_MS = 200;
const QUIET_LOOKS = 5;

/** One publisher and its subscribers on one server. */
interface FanOut {
  readonly publisher: RawPublisher;
  readonly sinks: LoadProcess<Pick<SinkQuestions, 'count'>>;
  readonly pid: number;
  /** What each subscriber had when all of them were subscribed and nothing was on its way. */
  readonly before: Before;
}

interface Before {
  readonly events: readonly number[];
  readonly acknowledged: number;
}

/** Subscribers that are not counted, because they take nothing. */
type Apart = readonly number[];

const NOBODY: Apart = Object.freeze([]);

export async function measureFanOut(setting: Setting): Promise<void> {
  const plain = await startPlainBus(setting);
  const baseline = await onBus(setting, { target: plain.address, pid: plain.pid, token: '' });
  const bus = await startBus(setting);
  const ours = await onBus(setting, { target: bus.target, pid: bus.process.pid ?? 0, token: bus.token });
  const p8 = 'P8: fan-out beside a bus that serialises for each subscriber and stores nothing';
  const oursVariant: TimedVariant = { name: 'event bus', run: (seconds) => run(ours, seconds, NOBODY) };
  setting.report(
    await measure(setting, { title: p8, target: 'deliveries/s 4', shape: SHAPE }, [
      { name: 'serialised for each, not stored', run: (seconds) => run(baseline, seconds, NOBODY) },
      oursVariant,
    ]),
  );
  const rssBefore = bus.rssBytes();
  setting.report(await besideSlowReader(setting, ours, () => (bus.rssBytes() - rssBefore) / 2 ** 20));
  await besideNats(setting, oursVariant);
}

async function besideNats(setting: Setting, ours: TimedVariant): Promise<void> {
  const nats = await startNatsServer(setting);
  const config = { target: nats.address, subject: 'bench.fan', payloadBytes: PAYLOAD_BYTES, sinks: SUBSCRIBERS };
  const sinks = setting.running.use(await startNatsSinks(config));
  const publisher = setting.running.use(await startNatsPublisher(config));
  const theirs = await untilSubscribed({ publisher, sinks, pid: nats.pid });
  const title = 'P9: fan-out beside nats-server core, which stores nothing';
  setting.report(
    await measure(setting, { title, target: 'deliveries/s 0.35', shape: SHAPE }, [
      { name: 'nats-server, raw sockets', run: (seconds) => run(theirs, seconds, NOBODY) },
      ours,
    ]),
  );
}

/** P17: the first subscriber takes nothing during a run, and catches up after it. */
async function besideSlowReader(setting: Setting, ours: FanOut & { readonly sinks: Sinks }, growthMiB: () => number) {
  const slow: Apart = [0];
  let mostMiB = 0;
  const withSlow = async (seconds: number) => {
    await ours.sinks.ask('hold', [0]);
    const sample = await run(ours, seconds, slow);
    mostMiB = Math.max(mostMiB, growthMiB());
    await ours.sinks.ask('release', [0]);
    await untilAllCame(ours, NOBODY);
    return sample;
  };
  const heading = {
    title: 'P17: the other 99 subscribers while one of 100 takes nothing',
    target: 'deliveries/s 0.95',
    shape: SHAPE,
  };
  const comparison = await measure(setting, heading, [
    { name: 'all of them take', run: (seconds) => run(ours, seconds, slow) },
    { name: 'one takes nothing', run: withSlow },
  ]);
  return { ...comparison, figures: { 'memory of the bus, more than before (MiB)': mostMiB } };
}

interface BusEnd {
  readonly target: string;
  readonly pid: number;
  readonly token: string;
}

async function onBus({ running }: Setting, { target, pid, token }: BusEnd): Promise<FanOut & { sinks: Sinks }> {
  const request = encodeSubscribe({ topic_filter: TOPIC, subscriber_token: token });
  const requests = Array<string>(SUBSCRIBERS).fill(request);
  const sinks = running.use(await startSinks({ target, requests, connections: 1, checked: false }));
  const publishes = encodePublishes(token, [TOPIC], PAYLOAD_BYTES);
  const publisher = running.use(await startPublisher({ target, requests: publishes, inFlight: IN_FLIGHT }));
  return { ...(await untilSubscribed({ publisher, sinks, pid })), sinks };
}

/** Publishes until everybody gets something. */
async function untilSubscribed(fanOut: Omit<FanOut, 'before'>): Promise<FanOut> {
  const { publisher, sinks } = fanOut;
  await publisher.ask('start');
  await eventually(
    () => sinks.ask('count'),
    ({ events }) => events.every((count) => count > 0),
    { what: 'every subscriber gets events' },
  );
  const { acknowledged } = await publisher.ask('stop');
  let { events } = await sinks.ask('count');
  let quiet = 0;
  await eventually(
    async () => {
      const earlier = events;
      events = (await sinks.ask('count')).events;
      quiet = events.every((count, index) => count === earlier[index]) ? quiet + 1 : 0;
      return quiet;
    },
    (looks) => looks >= QUIET_LOOKS,
    { what: 'nothing is on its way', intervalMs: QUIET_MS },
  );
  return { ...fanOut, before: { events, acknowledged } };
}

async function run(fanOut: FanOut, seconds: number, apart: Apart): Promise<Sample> {
  const { publisher, sinks, pid } = fanOut;
  const before = await sinks.ask('count');
  await publisher.ask('start');
  await eventually(
    () => sinks.ask('count'),
    ({ events }) => events.some((count, index) => count > (before.events[index] ?? 0)),
  );
  const cpuBefore = cpuMicroseconds(pid);
  const first = await sinks.ask('count');
  await sleep(seconds * 1000);
  const last = await sinks.ask('count');
  const cpu = cpuMicroseconds(pid) - cpuBefore;
  await publisher.ask('stop');
  await untilAllCame(fanOut, apart);
  const deliveries = sumOf(last, apart) - sumOf(first, apart);
  const callsPerSecond = (deliveries / (last.atMs - first.atMs)) * 1000;
  return { callsPerSecond, p50Ms: Number.NaN, p99Ms: Number.NaN, cpuMicroseconds: cpu / deliveries };
}

function sumOf({ events }: SinkCounts, apart: Apart): number {
  return events.reduce((sum, count, index) => (apart.includes(index) ? sum : sum + count), 0);
}

/** @throws Error when a subscriber has another number of events than was acknowledged. */
async function untilAllCame({ sinks, publisher, before }: FanOut, apart: Apart): Promise<void> {
  const published = (await publisher.ask('count')).acknowledged - before.acknowledged;
  await eventually(
    async () => (await sinks.ask('count')).events.map((count, index) => count - (before.events[index] ?? 0)),
    (came) => came.every((count, index) => apart.includes(index) || count === published),
    { what: `each subscriber has got ${published} events`, timeoutMs: CATCH_UP_MS },
  );
}
