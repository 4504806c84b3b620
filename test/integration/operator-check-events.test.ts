/** What `helm test` asks the event bus, on a real one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { checkEvents, EVENT_TOPIC } from '../../operator/check/event-check.ts';
import { connectTo, mintFor } from '../harness/client-events.ts';
import { startBus, type TestBus } from '../harness/event-bus.ts';

let bus: TestBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

const RIGHTS = [`event:publish:${EVENT_TOPIC}`, `event:subscribe:${EVENT_TOPIC}`];

async function check(capabilities: readonly string[], timeoutMs: number): Promise<void> {
  using client = await connectTo(bus.target, { token: await mintFor(bus, { capabilities }) });
  await checkEvents({ timeoutMs }, { client, clock: systemClock, log: silentLogger });
}

test('an event is published and heard, each time anew', async () => {
  await check(RIGHTS, 30_000);
  await check(RIGHTS, 30_000);
});

test.each([
  ['to take an event', RIGHTS.slice(1)],
  ['to arrive', RIGHTS.slice(0, 1)],
])('without the right it waits for %s, and says why', async (what, capabilities) => {
  await expect(check(capabilities, 1_000)).rejects.toThrow(
    new RegExp(`^waited for the event.* ${what}; at last: .*event:(publish|subscribe):selftest:greeting`),
  );
});

test('a bus that is not there is a sentence', async () => {
  using client = await connectTo('127.0.0.1:1', { token: await mintFor(bus) });
  await expect(checkEvents({ timeoutMs: 500 }, { client, clock: systemClock, log: silentLogger })).rejects.toThrow(
    /^waited for the event bus to take an event; at last: /,
  );
});
