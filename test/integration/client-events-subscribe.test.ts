/** Subscribing with the client to a real bus: starts, breaks, restarts, acknowledgements. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CallError, type Mcp2Client, type ReceivedEvent, type Resume } from '#sdk/client/index.ts';
import { collect, connectThroughProxy, connectTo, mintFor } from '../harness/client-events.ts';
import { ownName, startBus, type TestBus } from '../harness/event-bus.ts';
import { eventually } from '../harness/eventually.ts';
import { freePort } from '../harness/ports.ts';

let bus: TestBus;
let publisher: Mcp2Client;
beforeAll(async () => {
  bus = await startBus({ settings: { MCP2_LISTEN: `127.0.0.1:${await freePort()}` } });
  publisher = await connectTo(bus.target, { token: await mintFor(bus) });
});
afterAll(async () => {
  publisher.close();
  await bus[Symbol.asyncDispose]();
});

async function publishAll(topics: readonly string[], { pauseMs = 0 } = {}): Promise<string[]> {
  const places: string[] = [];
  for (const topic of topics) {
    const { sequence } = await publisher.publish(topic, { topic }, { deadlineMs: 60_000 });
    places.push(`${topic}/${sequence}`);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return places;
}

const topicsOf = (area: string, count: number) => Array.from({ length: count }, (_, i) => `${area}:t${i % 7}`);

async function take(events: AsyncIterator<ReceivedEvent>, count: number): Promise<ReceivedEvent[]> {
  const taken: ReceivedEvent[] = [];
  for (let i = 0; i < count; i += 1) taken.push((await events.next()).value as ReceivedEvent);
  return taken;
}

test('each start begins where it says', async () => {
  const area = ownName();
  const topic = `${area}:t0`;
  const before = await publisher.publish(topic, '1');
  const second = await publisher.publish(topic, '2');
  await publisher.publish(`${area}:t1`, 'a');
  await publisher.publish(topic, '3');
  const texts = async (
    from: NonNullable<Parameters<Mcp2Client['subscribe']>[1]>['from'],
    filter: string,
    count: number,
  ) => {
    await using events = publisher.subscribe(filter, { from });
    return (await take(events, count)).map((event) => event.text());
  };
  const all = `${area}:*`;
  expect(await texts('earliest', all, 4)).toEqual(['1', '2', 'a', '3']);
  expect(await texts('last-per-topic', all, 2)).toEqual(['a', '3']);
  expect(await texts({ sequence: 2 }, topic, 2)).toEqual(['2', '3']);
  expect(await texts({ cursor: before.cursor }, all, 3)).toEqual(['2', 'a', '3']);
  const [event] = await take(publisher.subscribe(topic, { from: { sequence: second.sequence } }), 1);
  expect((await texts({ timeMs: event?.publishedAtMs ?? 0 }, all, 1)).at(0)).toMatch(/1|2/);
  await using events = publisher.subscribe(all);
  await events.ready;
  await publisher.publish(topic, '4');
  expect((await take(events, 1)).map((one) => one.text())).toEqual(['4']);
});

test('a plain subscription whose connection breaks again and again misses nothing and doubles nothing', async () => {
  const area = ownName();
  await using client = await connectThroughProxy(bus);
  const resumes: Resume[] = [];
  const events = client.mcp2.subscribe(`${area}:*`, { onResume: (resume) => resumes.push(resume) });
  const seen = collect(events);
  await events.ready;
  const cutting = setInterval(() => client.proxy.cut(), 70);
  const places = await publishAll(topicsOf(area, 200), { pauseMs: 5 });
  clearInterval(cutting);
  await eventually(seen.places, (all) => all.length >= places.length, { what: 'every event' });
  expect(seen.places()).toEqual(places);
  expect(resumes.length).toBeGreaterThan(2);
  await events.close();
  await seen.ended;
});

test('what a black hole swallowed comes when the connection is cut', async () => {
  const area = ownName();
  await using client = await connectThroughProxy(bus);
  const events = client.mcp2.subscribe(`${area}:*`, { from: 'earliest' });
  const seen = collect(events);
  const first = await publishAll([`${area}:a`]);
  await eventually(seen.places, (all) => all.length === 1);
  client.proxy.hang();
  const rest = await publishAll(topicsOf(area, 20));
  client.proxy.cut();
  await client.proxy.pass();
  await eventually(seen.places, (all) => all.length >= 21);
  expect(seen.places()).toEqual([...first, ...rest]);
});

test('a bus that restarts in between is gone on with, plain and durable', async () => {
  const area = ownName();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  const plain = mcp2.subscribe(`${area}:*`);
  const durable = mcp2.subscribe(`${area}:*`, { durable: 'restart', from: 'earliest' });
  const fast = mcp2.subscribe(`${area}:*`, { durable: 'unacknowledged', ack: 'none', from: 'earliest' });
  const seen = [collect(plain), collect(durable, { ack: true }), collect(fast)];
  await Promise.all([plain.ready, durable.ready, fast.ready]);
  const publishing = publishAll(topicsOf(area, 150), { pauseMs: 3 });
  await sleep(150);
  await bus.restart();
  const places = await publishing;
  await eventually(
    () => seen.map(({ places: of }) => of().length),
    (counts) => counts.every((count) => count >= places.length),
    { what: 'every event' },
  );
  for (const one of seen) expect(one.places()).toEqual(places);
  const settled = async () =>
    (await mcp2.subscriptions()).map(({ name, inFlight, pending }) => [name, inFlight, pending]);
  await eventually(settled, (all) => all.every(([, inFlight, pending]) => inFlight === 0 && pending === 0));
});

test('a durable subscription whose connection breaks gives each event once, and loses no acknowledgement', async () => {
  const area = ownName();
  await using client = await connectThroughProxy(bus);
  const events = client.mcp2.subscribe(`${area}:*`, { durable: 'broken', from: 'earliest', ackWaitMs: 20_000 });
  const seen = collect(events, { ack: true });
  const cutting = setInterval(() => client.proxy.cut(), 90);
  const places = await publishAll(topicsOf(area, 150), { pauseMs: 5 });
  clearInterval(cutting);
  await eventually(seen.places, (all) => all.length >= places.length, { what: 'every event' });
  expect([...seen.places()].sort()).toEqual([...places].sort());
  const inFlight = async () => (await client.mcp2.subscriptions()).map((one) => one.inFlight);
  await eventually(inFlight, ([count]) => count === 0, { what: 'every acknowledgement', timeoutMs: 15_000 });
  expect(seen.places()).toHaveLength(places.length);
});

test('an event that was given back, or forgotten, comes again; one that was set aside is parked', async () => {
  const topic = `${ownName()}:a`;
  await publishAll([topic, topic, topic]);
  await using events = publisher.subscribe(topic, { durable: ownName('d'), from: 'earliest', ackWaitMs: 3_000 });
  const [first, second, third] = await take(events, 3);
  expect([first?.attempt, second?.attempt, third?.attempt]).toEqual([1, 1, 1]);
  expect(await first?.nack(10)).toBe(true);
  expect(await second?.term()).toBe(true);
  const [again] = await take(events, 1);
  expect(again).toMatchObject({ sequence: 1, attempt: 2 });
  expect(await again?.ack()).toBe(true);
  const [forgotten] = await take(events, 1);
  expect(forgotten).toMatchObject({ sequence: 3, attempt: 2 });
  expect(await third?.ack()).toBe(true);
  expect(await forgotten?.ack()).toBe(true);
  const [info] = await publisher.subscriptions();
  expect(info).toMatchObject({ parked: 1, inFlight: 0, pending: 0 });
  const [parked] = await take(publisher.subscribe(`_dlq:${info?.name}`, { from: 'earliest' }), 1);
  expect(parked?.attributes).toMatchObject({ 'mcp2-topic': topic, 'mcp2-sequence': '2', 'mcp2-reason': 'term' });
  await publisher.deleteSubscription(info?.name ?? '');
});

test('what no later stream could change comes out of the loop', async () => {
  using stranger = await connectTo(bus.target, {
    token: await mintFor(bus, { capabilities: ['event:subscribe:mine:*'] }),
  });
  const reasonOf = async (filter: string, options = {}) => {
    const error = await stranger
      .subscribe(filter, options)
      .next()
      .catch((caught: unknown) => caught);
    return error instanceof CallError ? error.reason : error;
  };
  expect(await reasonOf('theirs:*')).toBe('CAPABILITY_DENIED');
  expect(await reasonOf('mine:*:')).toMatch(/_INVALID/);
  expect(await reasonOf('mine:*', { from: { cursor: Buffer.alloc(16) } })).toBe('LOG_EPOCH');
  expect(await reasonOf('mine:*', { maxInFlight: 2_000 })).toBe('ARGUMENT_INVALID');
  expect(() => stranger.subscribe('mine:*', { maxInFlight: 1.5 })).toThrow(TypeError);
  const events = stranger.subscribe('mine:*', { durable: 'one' });
  const taken = events.next().catch((caught: unknown) => caught);
  await events.ready;
  await using next = stranger.subscribe('mine:*', { durable: 'one' });
  await next.ready;
  expect(await taken).toMatchObject({ reason: 'SUBSCRIPTION_TAKEN' });
  await stranger.deleteSubscription('one');
});

test('a reader that is too slow for the bus goes on where it was', async () => {
  await using strict = await startBus({ settings: { MCP2_EVENT_BUS_SLOW_CONSUMER_AFTER: '1s' } });
  using mcp2 = await connectTo(strict.target, { token: await mintFor(strict) });
  const topic = ownName();
  const payload = Buffer.alloc(128 * 1024, 1);
  const resumes: (string | undefined)[] = [];
  const events = mcp2.subscribe(topic, { from: 'earliest', onResume: ({ cause }) => resumes.push(cause.reason) });
  await using publishing = mcp2.publisher({ pipelined: true });
  await Promise.all(Array.from({ length: 120 }, () => publishing.publish(topic, payload)));
  const slow = async () =>
    (await strict.client.call('ListSubscriptions', { subscriber_token: await mintFor(strict) })).subscriptions;
  expect(await slow()).toEqual([]);
  await sleep(2_500);
  const sequences = (await take(events, 120)).map(({ sequence }) => sequence);
  expect(sequences).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
  expect(resumes).toContain('SLOW_CONSUMER');
});

test('a reader that leaves the loop ends the stream', async () => {
  const topic = ownName();
  await publishAll([topic]);
  const name = ownName('d');
  for await (const event of publisher.subscribe(topic, { durable: name, from: 'earliest' })) {
    event.ack().catch(() => undefined);
    break;
  }
  const info = async () => (await publisher.subscriptions()).find((one) => one.name === name);
  await eventually(info, (one) => one?.isActive === false && one.inFlight === 0);
});

test('a signal ends the loop with its reason, and the client that is closed says so', async () => {
  const giveUp = new AbortController();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  const first = mcp2.subscribe('a', { signal: giveUp.signal });
  const second = mcp2.subscribe('a');
  await Promise.all([first.ready, second.ready]);
  const [one, two] = [first.next(), second.next()];
  giveUp.abort(new Error('enough'));
  await expect(one).rejects.toThrow('enough');
  mcp2.close();
  await expect(two).rejects.toThrow(/closed/);
  expect(await second.next()).toEqual({ done: true, value: undefined });
});

test('events that were removed before they could be delivered are told of, and the loop goes on', async () => {
  await using small = await startBus({
    settings: {
      MCP2_EVENT_BUS_TAIL_BYTES: String(1024 * 1024),
      MCP2_EVENT_BUS_RETENTION_EVENTS_PER_TOPIC: '5',
    },
  });
  using mcp2 = await connectTo(small.target, { token: await mintFor(small) });
  const topic = ownName();
  const gaps: (number | undefined)[] = [];
  await using events = mcp2.subscribe(topic, { onGap: ({ missed }) => gaps.push(missed) });
  await events.ready;
  await using publishing = mcp2.publisher({ pipelined: true });
  await Promise.all(Array.from({ length: 150 }, () => publishing.publish(topic, Buffer.alloc(200 * 1024))));
  const seen: ReceivedEvent[] = [];
  while (seen.at(-1)?.sequence !== 150) seen.push(...(await take(events, 1)));
  expect(gaps.length).toBeGreaterThan(0);
  expect(seen.some(({ previousSequence }, i) => i > 0 && previousSequence > (seen[i - 1]?.sequence ?? 0))).toBe(true);
  const error = await mcp2
    .subscribe(topic, { from: { sequence: 1 } })
    .next()
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({ reason: 'BEFORE_RETENTION', facts: { earliest_sequence: expect.any(String) } });
});
