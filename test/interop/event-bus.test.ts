/** A client made from the proposal's own proto publishes and subscribes, and is refused where it must be. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeErrorInfo } from '#lib/grpc/error-details.ts';
import { developmentToken, ownName, startBus, type TestBus } from '../harness/event-bus.ts';
import { ensurePython } from '../harness/python.ts';
import { publishAsReference, subscribeAsReference } from '../harness/reference-client.ts';

const LOW_STOCK = '{"sku":"prod_12345","left":7}';
let bus: TestBus;

beforeAll(async () => {
  await ensurePython();
  bus = await startBus();
}, 300_000);
afterAll(() => bus[Symbol.asyncDispose]());

const at = (token: string) => ({ address: bus.target, token });
const reasonOf = ({ statusDetails }: { readonly statusDetails: Buffer }) => decodeErrorInfo(statusDetails)?.reason;
const text = (base64 = '') => Buffer.from(base64, 'base64').toString();

test.each([
  ['a token of the control plane', async (rights: string[]) => (await bus.caller({ capabilities: rights })).token],
  ['the token that the proposal itself makes', (rights: string[]) => developmentToken('AgentA', rights)],
])("with %s it hears of low stock by the proposal's own filter", async (_title, mint) => {
  const root = ownName('inventory');
  const topic = `${root}:prod_12345:low_stock`;
  const [publisher, subscriber] = await Promise.all([
    mint([`event:publish:${root}:*`]),
    mint([`event:subscribe:${root}:*`]),
  ]);
  let heard = false;
  const subscribing = subscribeAsReference(at(subscriber), `${root}:*:low_stock`, 2).finally(() => {
    heard = true;
  });
  // It subscribes to what comes from now on, and nothing tells when it does.
  for (let last = 0; !heard; last++) {
    expect(await publishAsReference(at(publisher), topic, `${LOW_STOCK} ${last}`)).toMatchObject({
      ...{ code: 'OK', response: { success: true } },
    });
    await sleep(50);
  }
  const answer = await subscribing;
  expect(answer).toMatchObject({ code: 'OK' });
  const [first, second] = answer.response?.events ?? [];
  expect(first?.topic).toBe(topic);
  expect(text(first?.payload)).toBe(`${LOW_STOCK} ${(first?.sequence_id ?? 0) - 1}`);
  expect(second?.sequence_id).toBe((first?.sequence_id ?? 0) + 1);
});

test('what our clients publish with all their fields is an event to it, and no control envelope ever comes', async () => {
  const caller = await bus.caller();
  const topic = `${ownName()}:a`;
  const reading = subscribeAsReference(at(caller.token), topic, 3);
  let isDone = false;
  const done = reading.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await caller.publish(topic, { payload: Buffer.from('x'), event_id: ownName(), attributes: { a: 'b' } });
    await sleep(300);
  }
  const events = (await done).response?.events ?? [];
  expect(events.map((event) => [event.topic, text(event.payload)])).toEqual(
    Array.from({ length: 3 }, () => [topic, 'x']),
  );
});

test('without the right it is refused with the status that says so, and the reason beside it', async () => {
  const publisher = at(await developmentToken('AgentA', ['event:publish:orders:*']));
  const published = await publishAsReference(publisher, 'inventory:a:low_stock', '{}');
  expect(published).toMatchObject({ code: 'PERMISSION_DENIED', response: undefined });
  expect(reasonOf(published)).toBe('CAPABILITY_DENIED');
  const subscriber = at(await developmentToken('AgentA', ['event:subscribe:inventory:*:low_stock']));
  const subscribed = await subscribeAsReference(subscriber, 'inventory:*', 1);
  expect(subscribed).toMatchObject({ code: 'PERMISSION_DENIED', response: undefined });
  expect(reasonOf(subscribed)).toBe('CAPABILITY_DENIED');
  expect(await publishAsReference(at('garbage'), 'a', '')).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await publishAsReference(at(await developmentToken('A')), 'a::b', '')).toMatchObject({
    ...{ code: 'INVALID_ARGUMENT', response: undefined },
  });
});
