/** Many events over one stream, on a real bus behind a proxy that breaks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mcp2Client, Published } from '#sdk/client/index.ts';
import { collect, connectThroughProxy, connectTo, mintFor, renewToken } from '../harness/client-events.ts';
import { ownName, startBus, type TestBus } from '../harness/event-bus.ts';
import { eventually } from '../harness/eventually.ts';
import { freePort } from '../harness/ports.ts';

let bus: TestBus;
beforeAll(async () => {
  bus = await startBus({ settings: { MCP2_LISTEN: `127.0.0.1:${await freePort()}` } });
});
afterAll(() => bus[Symbol.asyncDispose]());

/** The payloads of each topic, in the order in which the bus has them. */
async function keptOf(area: string, count: number): Promise<ReadonlyMap<string, readonly number[]>> {
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  const seen = collect(mcp2.subscribe(`${area}:*`, { from: 'earliest' }));
  await eventually(seen.places, (places) => places.length >= count, { what: `${count} events`, timeoutMs: 30_000 });
  await sleep(100);
  const kept = new Map<string, number[]>();
  for (const event of seen.events) kept.set(event.topic, [...(kept.get(event.topic) ?? []), event.json<number>()]);
  return kept;
}

function publishAll(mcp2: Pick<Mcp2Client, 'publisher'>, area: string, count: number, pipelined = false) {
  const publisher = mcp2.publisher({ pipelined });
  const publishing = Array.from({ length: count }, (_, i) => publisher.publish(`${area}:t${i % 5}`, i));
  return { publisher, published: Promise.all(publishing) };
}

function expectOrder(kept: ReadonlyMap<string, readonly number[]>, count: number): void {
  expect(kept.size).toBe(5);
  for (const [topic, payloads] of kept) {
    const rest = Number(topic.at(-1));
    expect(payloads).toEqual(Array.from({ length: count / 5 }, (_, i) => i * 5 + rest));
  }
}

test.each([
  ['one after the other in each topic', false],
  ['pipelined', true],
])('%s: every event is acknowledged, in the order of its topic', async (_title, pipelined) => {
  const area = ownName();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  const { publisher, published } = publishAll(mcp2, area, 1_000, pipelined);
  const answers: readonly Published[] = await published;
  expect(answers.every(({ duplicate }) => !duplicate)).toBe(true);
  expect(answers.slice(-5).map(({ sequence }) => sequence)).toEqual([200, 200, 200, 200, 200]);
  await publisher.close();
  expectOrder(await keptOf(area, 1_000), 1_000);
});

test('a connection that breaks again and again loses no event, doubles none, and keeps the order', async () => {
  const area = ownName();
  await using client = await connectThroughProxy(bus);
  const cutting = setInterval(() => client.proxy.cut(), 60);
  await using publisher = client.mcp2.publisher();
  const publishing: Promise<Published>[] = [];
  for (let i = 0; i < 300; i += 1) {
    publishing.push(publisher.publish(`${area}:t${i % 5}`, i));
    await sleep(3);
  }
  await sleep(200);
  clearInterval(cutting);
  const answers = await Promise.all(publishing);
  expect(answers).toHaveLength(300);
  expectOrder(await keptOf(area, 300), 300);
});

test('acknowledgements that are lost are asked for again under the same ids', async () => {
  const area = ownName();
  await using client = await connectThroughProxy(bus);
  await using publisher = client.mcp2.publisher();
  await publisher.publish(ownName('warm_up'), 0);
  client.proxy.dropReplies();
  const publishing = Array.from({ length: 50 }, (_, i) => publisher.publish(`${area}:t${i}`, i));
  const kept = await keptOf(area, 50);
  expect(kept.size).toBe(50);
  await client.proxy.pass();
  const answers = await Promise.all(publishing);
  expect(answers.every(({ duplicate, sequence }) => duplicate && sequence === 1)).toBe(true);
  expect((await keptOf(area, 50)).size).toBe(50);
});

test('a bus that restarts is waited for', async () => {
  const area = ownName();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  await using publisher = mcp2.publisher();
  const publishing: Promise<Published>[] = [];
  const add = async (from: number, to: number) => {
    for (let i = from; i < to; i += 1) {
      publishing.push(publisher.publish(`${area}:t${i % 5}`, i));
      await sleep(1);
    }
  };
  await add(0, 100);
  const restarted = bus.restart();
  await add(100, 200);
  await restarted;
  await Promise.all(publishing);
  expectOrder(await keptOf(area, 200), 200);
});

test('a refusal ends its own event and no other; one for now holds back its topic', async () => {
  await using small = await startBus({
    settings: { MCP2_EVENT_BUS_QUOTA_PUBLISHES: '200', MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST: '20' },
  });
  const [area, token] = [ownName(), await mintFor(small)];
  using mcp2 = await connectTo(small.target, { token });
  await using publisher = mcp2.publisher();
  const refused = publisher.publish('_reserved', 1);
  const publishing = Array.from({ length: 150 }, (_, i) => publisher.publish(`${area}:t${i % 5}`, i));
  await expect(refused).rejects.toMatchObject({ reason: 'TOPIC_RESERVED' });
  await Promise.all(publishing);
  const seen = collect(mcp2.subscribe(`${area}:*`, { from: 'earliest' }));
  await eventually(seen.places, (places) => places.length >= 150);
  const kept = new Map<string, number[]>();
  for (const event of seen.events) kept.set(event.topic, [...(kept.get(event.topic) ?? []), event.json<number>()]);
  expectOrder(kept, 150);
});

test('tokens that end one after the other are followed on one stream', async () => {
  const area = ownName();
  await using token = await renewToken(bus, 4);
  const opened: string[] = [];
  using mcp2 = await connectTo(bus.target, {
    token: token.source,
    middleware: [
      (next, { name }) =>
        (request, call) => {
          opened.push(name);
          return next(request, call);
        },
    ],
  });
  await using publisher = mcp2.publisher();
  for (let i = 0; i < 50; i += 1) {
    await publisher.publish(`${area}:t${i % 5}`, i);
    await sleep(100);
  }
  expect(token.count).toBeGreaterThan(3);
  expect(opened).toEqual(['EventBus.PublishStream']);
  expectOrder(await keptOf(area, 50), 50);
});

test('what is on its way is bounded, and more waits its turn', async () => {
  const area = ownName();
  await using client = await connectThroughProxy(bus);
  const publisher = client.mcp2.publisher({ maxInFlight: 10 });
  let settled = 0;
  await publisher.publish(ownName('warm_up'), 0);
  client.proxy.hang();
  const publishing = Array.from({ length: 100 }, (_, i) =>
    publisher.publish(`${area}:t${i % 5}`, i).finally(() => {
      settled += 1;
    }),
  );
  await sleep(100);
  expect(settled).toBe(0);
  await client.proxy.pass();
  await publisher.flush();
  expect(settled).toBe(100);
  await Promise.all(publishing);
  await publisher.close();
  await expect(publisher.publish('a', 1)).rejects.toThrow(/closed/);
  expectOrder(await keptOf(area, 100), 100);
});

test('a deadline, a signal and the end of the client reject what is not acknowledged', async () => {
  await using client = await connectThroughProxy(bus);
  await client.proxy.refuse();
  const giveUp = new AbortController();
  const publisher = client.mcp2.publisher();
  const late = publisher.publish('a', 1, { deadlineMs: 300 });
  const givenUp = publisher.publish('a', 2, { signal: giveUp.signal });
  const closed = publisher.publish('a', 3);
  giveUp.abort(new Error('enough'));
  await expect(givenUp).rejects.toThrow('enough');
  await expect(late).rejects.toMatchObject({ name: 'CallError' });
  client.mcp2.close();
  await expect(closed).rejects.toThrow(/closed/);
  await publisher.close();
});

test('a token that does not allow it fails every event, and the publisher goes on', async () => {
  let token = await mintFor(bus, { sub: 'shop.a', aud: ['Db_One'] });
  using mcp2 = await connectTo(bus.target, { token: () => token });
  await using publisher = mcp2.publisher();
  const topic = ownName();
  const refused = await Promise.allSettled([publisher.publish(topic, 1), publisher.publish(topic, 2)]);
  expect(refused).toMatchObject([
    { reason: { reason: 'AUDIENCE_MISMATCH' } },
    { reason: { reason: 'AUDIENCE_MISMATCH' } },
  ]);
  token = await mintFor(bus, { sub: 'shop.a' });
  expect(await publisher.publish(topic, 3)).toMatchObject({ sequence: 1 });
});

test('a token of another subject goes over a stream of its own', async () => {
  let token = await mintFor(bus, { sub: 'shop.one' });
  const topic = `${ownName()}:t0`;
  using mcp2 = await connectTo(bus.target, { token: () => token });
  await using publisher = mcp2.publisher();
  await publisher.publish(topic, 1);
  token = await mintFor(bus, { sub: 'shop.two' });
  await publisher.publish(topic, 2);
  const seen = collect(mcp2.subscribe(topic, { from: 'earliest' }));
  await eventually(seen.places, (places) => places.length === 2);
  expect(seen.events.map(({ publisher: sub }) => sub)).toEqual(['shop.one', 'shop.two']);
});

test('an event that is too large fails alone', async () => {
  const topic = `${ownName()}:t0`;
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  await using publisher = mcp2.publisher();
  const sizes = [1, 300 * 1024, 2, 5 * 1024 * 1024, 3];
  const all = await Promise.allSettled(sizes.map((size) => publisher.publish(topic, Buffer.alloc(size))));
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
  expect(all.at(-1)).toMatchObject({ value: { sequence: 3 } });
});
