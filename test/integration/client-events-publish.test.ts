/** Publishing with the client on a real bus, through a proxy that breaks. */
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CallError, type Middleware, NotConfigured } from '#sdk/client/index.ts';
import { collect, connectThroughProxy, connectTo, mintFor } from '../harness/client-events.ts';
import { ownName, startBus, type TestBus } from '../harness/event-bus.ts';
import { eventually } from '../harness/eventually.ts';
import { createCertificateAuthority } from '../harness/pki.ts';
import { createWorkspace } from '../harness/processes.ts';

let bus: TestBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    (value) => new Error(`it was answered: ${JSON.stringify(value)}`),
    (caught: unknown) => caught,
  );
  if (error instanceof CallError) return error;
  throw error;
}

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Everything under a topic, as the bus has it. */
async function kept(topic: string, count: number) {
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  const seen = collect(mcp2.subscribe(topic, { from: 'earliest' }));
  await eventually(seen.places, (places) => places.length >= count, { what: `${count} events` });
  return seen.events;
}

test('bytes, a text and JSON arrive as they were, with what was said of them', async () => {
  const topic = ownName();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus, { sub: 'shop.pricing' }) });
  const first = await mcp2.publish(topic, Buffer.from([0, 255]), { id: 'one', attributes: { 'ce-type': 'made' } });
  expect(first).toMatchObject({ topic, sequence: 1, duplicate: false });
  expect(first.cursor).toHaveLength(16);
  await mcp2.publish(topic, 'naïve', { contentType: 'text/plain' });
  await mcp2.publish(topic, { stock: 9 });
  const [bytes, text, json] = await kept(topic, 3);
  expect(bytes).toMatchObject({
    ...{ topic, sequence: 1, previousSequence: 0, id: 'one', publisher: 'shop.pricing', contentType: '' },
    ...{ attributes: { 'ce-type': 'made' }, attempt: 0, payload: Buffer.from([0, 255]) },
  });
  expect([text?.text(), text?.contentType, text?.previousSequence]).toEqual(['naïve', 'text/plain', 1]);
  expect([json?.json(), json?.contentType]).toEqual([{ stock: 9 }, 'application/json']);
  expect(json?.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await json?.ack()).toBe(true);
});

test('an answer that is lost on the way is asked for again, and the event is there once', async () => {
  const topic = ownName();
  await using client = await connectThroughProxy(bus);
  await client.mcp2.publish(ownName('warm_up'), '');
  let pieces = 0;
  client.proxy.filterReplies(() => {
    pieces += 1;
    return 'drop';
  });
  const publishing = client.mcp2.publish(topic, 'once');
  const straight = await connectTo(bus.target, { token: await mintFor(bus) });
  const applied = async () => (await listOf(straight.topics(topic))).at(0)?.lastSequence;
  await eventually(applied, (sequence) => sequence === 1, { what: 'the event' });
  expect(pieces).toBeGreaterThan(0);
  await client.proxy.pass();
  expect(await publishing).toMatchObject({ sequence: 1, duplicate: true });
  straight.close();
  expect(await kept(topic, 1)).toHaveLength(1);
});

test('a bus that is away is waited for until the deadline, and then the error says so', async () => {
  await using client = await connectThroughProxy(bus);
  await client.proxy.refuse();
  const error = await failureOf(client.mcp2.publish(ownName(), 'x', { deadlineMs: 700 }));
  expect(error.code).toBe(status.UNAVAILABLE);
  const publishing = client.mcp2.publish(ownName(), 'x', { deadlineMs: 30_000 });
  await client.proxy.pass();
  expect(await publishing).toMatchObject({ sequence: 1 });
});

test('what the bus refuses for good is not tried again', async () => {
  const topic = ownName();
  const attempts: number[] = [];
  const count: Middleware =
    (next, { name }) =>
    async (request, call) => {
      try {
        return await next(request, call);
      } finally {
        if (name === 'EventBus.Publish') attempts.push(call.attempts.length);
      }
    };
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus), middleware: [count] });
  await mcp2.publish(topic, 'a', { id: 'same' });
  const refusals = [
    mcp2.publish(topic, 'b', { id: 'same' }),
    mcp2.publish(topic, 'b', { expectedLastSequence: 7 }),
    mcp2.publish('_mine', 'b'),
  ];
  expect(await Promise.all(refusals.map(async (refusal) => (await failureOf(refusal)).reason))).toEqual([
    'EVENT_ID_REUSED',
    'SEQUENCE_MISMATCH',
    'TOPIC_RESERVED',
  ]);
  expect(attempts).toEqual([1, 1, 1, 1]);
  expect(await mcp2.publish(topic, 'c', { expectedLastSequence: 1 })).toMatchObject({ sequence: 2 });
  await expect(mcp2.publish(topic, 'd', { id: '' })).rejects.toThrow(TypeError);
  await expect(mcp2.publish(topic, (() => 1) as unknown as object)).rejects.toThrow(/JSON/);
});

test('a quota that is spent is waited for', async () => {
  await using small = await startBus({
    settings: { MCP2_EVENT_BUS_QUOTA_PUBLISHES: '5', MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST: '2' },
  });
  using mcp2 = await connectTo(small.target, { token: await mintFor(small) });
  const topic = ownName();
  const published = await Promise.all(Array.from({ length: 6 }, (_, i) => mcp2.publish(topic, String(i))));
  expect(published.map(({ sequence }) => sequence).sort()).toEqual([1, 2, 3, 4, 5, 6]);
});

test('without a bus the first use says what to set, and connect() does not', async () => {
  const nowhere = { env: {}, homeFolder: '/nowhere' };
  using mcp2 = await connectTo(undefined as unknown as string, { token: 'x', ambient: nowhere });
  await expect(mcp2.publish('a', 'b')).rejects.toThrow(/no event bus is known: .*MCP2_EVENT_BUS_ADDRESS/);
  await expect(mcp2.subscribe('a').next()).rejects.toThrow(NotConfigured);
  await expect(mcp2.publisher().publish('a', 'b')).rejects.toThrow(NotConfigured);
  using far = await connectTo('bus.example:50052', { token: 'x', ambient: nowhere });
  await expect(far.publish('a', 'b')).rejects.toThrow(/in the clear/);
});

test('a bus under TLS is believed by the CA that was named, and by no other', async () => {
  const { folder } = createWorkspace('event-bus-tls');
  const [authority, stranger] = await Promise.all(
    ['own', 'other'].map((name) => createCertificateAuthority(join(folder, name))),
  );
  const files = await authority?.issue({ commonName: 'mcp2-event-bus', names: ['DNS:mcp2-event-bus'] });
  await using secure = await startBus({
    settings: { MCP2_TLS_CERT_FILE: files?.certificateFile ?? '', MCP2_TLS_KEY_FILE: files?.keyFile ?? '' },
  });
  const token = await mintFor(secure);
  const options = { token, eventBusTlsServerName: 'mcp2-event-bus' };
  using mcp2 = await connectTo(secure.target, { ...options, caFile: authority?.certificateFile });
  const topic = ownName();
  expect(await mcp2.publish(topic, 'x')).toMatchObject({ sequence: 1 });
  expect((await mcp2.subscribe(topic, { from: 'earliest' }).next()).value?.text()).toBe('x');
  using deceived = await connectTo(secure.target, { ...options, caFile: stranger?.certificateFile });
  const error = await failureOf(deceived.publish(topic, 'x', { deadlineMs: 500 }));
  expect([error.code, error.reachedServer]).toEqual([status.UNAVAILABLE, false]);
});

test('the lists give topics, and the durable subscriptions of the caller', async () => {
  const area = ownName();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  await mcp2.publish(`${area}:a`, 'x');
  await mcp2.publish(`${area}:b`, 'x');
  const topics = await listOf(mcp2.topics(`${area}:*`));
  expect(
    topics.map(({ topic, firstSequence, lastSequence, events }) => [topic, firstSequence, lastSequence, events]),
  ).toEqual([
    [`${area}:a`, 1, 1, 1],
    [`${area}:b`, 1, 1, 1],
  ]);
  const events = mcp2.subscribe(`${area}:*`, { durable: 'billing', from: 'earliest' });
  await events.next();
  expect(await mcp2.subscriptions()).toMatchObject([
    { name: 'billing', filter: `${area}:*`, isActive: true, inFlight: 2 },
  ]);
  await events.close();
  expect(await mcp2.deleteSubscription('billing')).toBe(true);
  expect(await mcp2.deleteSubscription('billing')).toBe(false);
  expect(await mcp2.subscriptions()).toEqual([]);
});
