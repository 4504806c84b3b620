/** The bus is killed in the middle of everything: what it acknowledged is there, in order, and reaches whoever is subscribed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CallError } from '#lib/grpc/call-error.ts';
import type { BusCaller } from '../harness/bus-caller.ts';
import { type BusProcess, ownName, startBusProcess } from '../harness/event-bus.ts';
import type { Envelope } from '../harness/event-reader.ts';
import { eventually } from '../harness/eventually.ts';
import type { PublishWriter } from '../harness/publish-writer.ts';

const KILLS = process.env.MCP2_TEST_FULL === undefined ? 5 : 50;
const PUBLISHERS = 200;
/** Of these so many send over a stream, with this many requests on their way. */
const STREAMS = 20;
const WINDOW = 8;
const TOPICS = 16;
const CONNECTIONS = 8;
/** Between two kills, so that one comes at another moment each time. */
const RUNS_MS = [150, 400, 700, 250, 1_000];
const SUBSCRIBED = { ack_mode: 1, start: 1, max_in_flight: 1_024, ack_wait_ms: 2_000 } as const;

interface Acknowledged {
  readonly id: string;
  readonly topic: string;
  readonly sequence: number;
  readonly cursor: string;
}

test(`${PUBLISHERS} publishers and ${KILLS} kills: nothing that was acknowledged is lost, moved or doubled`, {
  timeout: 120_000 + KILLS * 20_000,
}, async () => {
  await using bus = await startBusProcess();
  const root = ownName();
  const stopping = new AbortController();
  const caller = await bus.caller();
  const acknowledged: Acknowledged[] = [];
  const connections = Array.from({ length: CONNECTIONS }, () => bus.callerAt(bus.target, caller));
  const publishing = Array.from({ length: PUBLISHERS }, (_, p) => {
    const publish = p < STREAMS ? publishOverStreams : publishUntil;
    return publish(stopping.signal, connections[p % CONNECTIONS] ?? caller, { root, p, acknowledged });
  });
  const seen = ['first', 'second', 'third'].map(() => new Set<string>());
  const following = seen.map((ids, i) => follow(bus, { caller, root, name: `d${i}`, ids }));

  for (let kill = 0; kill < KILLS; kill++) {
    const before = acknowledged.length;
    await eventually(
      () => acknowledged.length,
      (count) => count > before + PUBLISHERS,
      { timeoutMs: 60_000 },
    );
    await sleep(RUNS_MS[kill % RUNS_MS.length]);
    await bus.process.kill();
    await bus.process.start();
  }
  stopping.abort();
  await Promise.all(publishing);
  for (const connection of connections) connection[Symbol.dispose]();

  const events = await everything(caller, root, acknowledged);
  expectAll(events, acknowledged);
  expectChains(events);
  const published = new Set(events.map(({ event_id }) => event_id));
  for (const ids of seen) {
    await eventually(
      () => [...published].filter((id) => !ids.has(id)).slice(0, 5),
      (missing) => missing.length === 0,
      { timeoutMs: 60_000, what: 'every event having been seen by each durable subscription' },
    );
  }
  await caller.deleteSubscription('d0');
  for (const name of ['d1', 'd2']) await caller.deleteSubscription(name);
  await Promise.all(following);
  console.info(`${acknowledged.length} acknowledged, ${events.length} in the log, after ${KILLS} kills`);
});

interface Publisher {
  readonly root: string;
  readonly p: number;
  readonly acknowledged: Acknowledged[];
}

/** One event after the other; one that was not answered is sent again under its id until it is. */
async function publishUntil(
  signal: AbortSignal,
  caller: BusCaller,
  { root, p, acknowledged }: Publisher,
): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const [id, topic] = [`${p}/${i}`, `${root}:${(p + i) % TOPICS}`];
    const answer = await untilAnswered(() =>
      caller.publish(topic, { event_id: id, payload: Buffer.from(id), attributes: { publisher: String(p) } }),
    );
    acknowledged.push({ id, topic, sequence: answer.sequence_id, cursor: answer.cursor.toString('hex') });
    await sleep(20);
  }
}

/** What a stream did not acknowledge before it broke is sent again, in its order, over the next. */
async function publishOverStreams(
  signal: AbortSignal,
  caller: BusCaller,
  { root, p, acknowledged }: Publisher,
): Promise<void> {
  const topic = `${root}:${p % TOPICS}`;
  const waiting: string[] = [];
  const send = (writer: PublishWriter, id: string) =>
    writer.send({
      ...{ topic, event_id: id, payload: Buffer.from(id), attributes: { publisher: String(p) } },
      publisher_token: caller.token,
    });
  for (let i = 0; !signal.aborted || waiting.length > 0; ) {
    await using writer = caller.openPublisher();
    const sent = [...waiting];
    for (const id of sent) send(writer, id);
    for (let seen = 0; writer.end === undefined || seen < writer.acks.length; await sleep(25)) {
      for (const { index, result, response, error } of writer.acks.slice(seen)) {
        expect(result, error?.message).toBe('response');
        const id = sent[index] ?? '';
        waiting.splice(waiting.indexOf(id), 1);
        acknowledged.push({
          ...{ id, topic, sequence: response?.sequence_id ?? 0, cursor: response?.cursor.toString('hex') ?? '' },
        });
        seen += 1;
      }
      if (signal.aborted && waiting.length === 0) return;
      while (!signal.aborted && writer.end === undefined && waiting.length < WINDOW) {
        const id = `${p}/${i++}`;
        waiting.push(id);
        sent.push(id);
        send(writer, id);
      }
    }
    expect(writer.end?.error?.code, writer.end?.error?.message).toBe(14);
    await sleep(50);
  }
}

async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      // UNAVAILABLE while it is away, or cut in the middle; anything else is a fault.
      if (!(error instanceof CallError) || error.code !== 14) throw error;
      await sleep(50);
    }
  }
}

interface Follower {
  readonly caller: BusCaller;
  readonly root: string;
  readonly name: string;
  readonly ids: Set<string>;
}

/** A durable subscriber that acknowledges in batches and comes back until its subscription is deleted. */
async function follow(bus: BusProcess, { caller, root, name, ids }: Follower): Promise<void> {
  for (;;) {
    const reader = caller.subscribe(`${root}:*`, { ...SUBSCRIBED, durable_name: name });
    let taken = 0;
    while (reader.end === undefined || taken < reader.events.length) {
      const fresh = reader.events.slice(taken, taken + 500);
      taken += fresh.length;
      for (const { event_id: id } of fresh) ids.add(id);
      if (fresh.length > 0)
        await caller.ack(name, { ack_ids: fresh.map(({ ack_id }) => ack_id) }).catch(() => undefined);
      else await sleep(10);
    }
    if (reader.end.error?.reason === 'SUBSCRIPTION_UNKNOWN') return;
    expect(reader.end.error?.code, reader.end.error?.message).toBe(14);
    await eventually(
      () => bus.process.pid,
      (pid) => pid !== undefined,
      { timeoutMs: 30_000 },
    );
    await sleep(50);
  }
}

async function everything(caller: BusCaller, root: string, acknowledged: readonly Acknowledged[]): Promise<Envelope[]> {
  await using reader = caller.subscribe(`${root}:*`, { start: 1, idle_heartbeat_ms: 200 });
  await reader.until(() => reader.controls.length > 0, 'the end of the log', 60_000);
  expect(reader.events.length).toBeGreaterThanOrEqual(acknowledged.length);
  return reader.events;
}

/** Each is there where its publisher was told, and once. */
function expectAll(events: readonly Envelope[], acknowledged: readonly Acknowledged[]): void {
  const byId = Map.groupBy(events, ({ event_id: id }) => id);
  expect([...byId].filter(([, doubles]) => doubles.length > 1)).toEqual([]);
  const wrong = acknowledged.filter(({ id, topic, sequence, cursor }) => {
    const event = byId.get(id)?.[0];
    return event?.topic !== topic || event.sequence_id !== sequence || event.cursor.toString('hex') !== cursor;
  });
  expect(wrong).toEqual([]);
}

/** Sequences rise by one, name the one before, and follow the order of the log; a publisher's own keep their order. */
function expectChains(events: readonly Envelope[]): void {
  for (const [topic, own] of Map.groupBy(events, (event) => event.topic)) {
    expect(
      own.map(({ sequence_id }) => sequence_id),
      topic,
    ).toEqual(own.map((_, i) => i + 1));
    expect(
      own.map(({ previous_sequence_id: previous }) => previous),
      topic,
    ).toEqual(own.map((_, i) => i));
  }
  const cursors = events.map(({ cursor }) => cursor.toString('hex'));
  expect(cursors).toEqual(cursors.toSorted());
  expect(new Set(cursors).size).toBe(cursors.length);
  for (const own of Map.groupBy(events, ({ attributes }) => attributes.publisher).values()) {
    const numbers = own.map(({ event_id: id }) => Number(id.split('/')[1]));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  }
}
