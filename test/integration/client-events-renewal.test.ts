/** Subscriptions that outlive their tokens, and what is left of those that were given up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Middleware } from '#sdk/client/index.ts';
import { collect, connectTo, mintFor, renewToken } from '../harness/client-events.ts';
import { ownName, startBus, type TestBus } from '../harness/event-bus.ts';
import { eventually } from '../harness/eventually.ts';

let bus: TestBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

/** Streams of Subscribe that were opened. */
function streamCounter() {
  const counter = { opened: 0 };
  const middleware: Middleware =
    (next, { name }) =>
    (request, call) => {
      if (name === 'EventBus.Subscribe') counter.opened += 1;
      return next(request, call);
    };
  return Object.assign(counter, { middleware: [middleware] });
}

test('a subscription lives on over many tokens: nothing is lost, nothing doubled', async () => {
  const area = ownName();
  await using token = await renewToken(bus, 3);
  const streams = streamCounter();
  using mcp2 = await connectTo(bus.target, { token: token.source, middleware: streams.middleware });
  const resumes: string[] = [];
  const onResume = ({ cause }: { readonly cause: Error }) => resumes.push(cause.message);
  const subscriptions = [
    mcp2.subscribe(`${area}:*`, { onResume }),
    mcp2.subscribe(`${area}:*`, { durable: 'explicit', onResume }),
    mcp2.subscribe(`${area}:*`, { durable: 'unacknowledged', ack: 'none', onResume }),
  ];
  await Promise.all(subscriptions.map((subscription) => subscription.ready));
  const seen = subscriptions.map((subscription, i) => collect(subscription, { ack: i === 1 }));
  using publisher = await connectTo(bus.target, { token: await mintFor(bus) });
  await using publishing = publisher.publisher();
  const places: string[] = [];
  // Five streams after the first one, of each.
  for (let i = 0; i < 300 || streams.opened < 3 * 6; i += 1) {
    const topic = `${area}:t${i % 7}`;
    const { sequence } = await publishing.publish(topic, i);
    places.push(`${topic}/${sequence}`);
    await sleep(6);
  }
  await eventually(
    () => seen.map(({ places: of }) => of().length),
    (counts) => counts.every((count) => count >= places.length),
    { what: 'every event' },
  );
  await sleep(200);
  for (const one of seen) expect(one.places()).toEqual(places);
  // The next stream was open before the token of the last one ended.
  expect(resumes).toEqual([]);
});

test('a token that is renewed too late is waited for', async () => {
  const topic = ownName();
  const sub = ownName('agent');
  let token = await mintFor(bus, { sub, ttlSeconds: 1 });
  using mcp2 = await connectTo(bus.target, { token: () => token });
  const resumes: (string | undefined)[] = [];
  const events = mcp2.subscribe(topic, { onResume: ({ cause }) => resumes.push(cause.reason) });
  const seen = collect(events);
  await events.ready;
  await eventually(
    () => resumes,
    (reasons) => reasons.includes('TOKEN_EXPIRED'),
    { what: 'the end of the token' },
  );
  using publisher = await connectTo(bus.target, { token: await mintFor(bus) });
  await publisher.publish(topic, 1);
  token = await mintFor(bus, { sub });
  await eventually(seen.places, (places) => places.length === 1, { what: 'the event in between' });
});

test('a right that is taken away ends the subscription when its token ends', async () => {
  const topic = ownName();
  const sub = ownName('agent');
  let token = await mintFor(bus, { sub, ttlSeconds: 2 });
  using mcp2 = await connectTo(bus.target, { token: () => token });
  const events = mcp2.subscribe(topic);
  const next = events.next().catch((error: unknown) => error);
  await events.ready;
  token = await mintFor(bus, { sub, capabilities: ['event:subscribe:other'] });
  expect(await next).toMatchObject({ reason: 'CAPABILITY_DENIED' });
});

test('of a thousand subscriptions that were given up nothing is left', async () => {
  // The bus lets 200 be open at a time: it has let go of them, too.
  const topic = ownName();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  await mcp2.publish(topic, { text: 'x'.repeat(1_000) });
  const round = async (count: number) => {
    for (let i = 0; i < count; i += 50) {
      const some = Array.from({ length: 50 }, () => mcp2.subscribe(topic, { from: 'earliest' }));
      await Promise.all(some.map((events) => events.next()));
      await Promise.all(some.map((events, k) => (k % 2 === 0 ? events.close() : events.return())));
    }
    collectGarbage();
    await sleep(100);
    collectGarbage();
    return process.memoryUsage().heapUsed / 1024 / 1024;
  };
  await round(200);
  const before = await round(200);
  const after = await round(1_000);
  expect(after - before).toBeLessThan(3);
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
