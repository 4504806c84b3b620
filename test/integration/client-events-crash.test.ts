/** A bus that is killed under its publishers and subscribers, again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Published } from '#sdk/client/index.ts';
import { collect, connectTo, mintFor } from '../harness/client-events.ts';
import { ownName, startBusProcess } from '../harness/event-bus.ts';
import { eventually } from '../harness/eventually.ts';

const KILLS = 3;
const EVENTS_A_LIFE = 150;

test('a bus that is killed: every event that was acknowledged is there once, and every subscription sees it once', async () => {
  await using bus = await startBusProcess();
  const area = ownName();
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  const resumes: string[] = [];
  const onResume = ({ cause }: { readonly cause: Error }) => resumes.push(cause.message);
  const plain = mcp2.subscribe(`${area}:*`, { onResume });
  const durable = mcp2.subscribe(`${area}:*`, { durable: 'crash', from: 'earliest', onResume });
  const seen = [collect(plain), collect(durable, { ack: true })];
  await Promise.all([plain.ready, durable.ready]);
  await using publisher = mcp2.publisher();
  const publishing: Promise<Published>[] = [];
  const add = async () => {
    for (let i = 0; i < EVENTS_A_LIFE; i += 1) {
      const n = publishing.length;
      publishing.push(
        n % 10 === 0 ? mcp2.publish(`${area}:u`, n, { deadlineMs: 60_000 }) : publisher.publish(`${area}:t${n % 7}`, n),
      );
      await sleep(2);
    }
  };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const adding = add();
    await sleep(100 + kill * 70);
    await bus.process.kill();
    await bus.process.start();
    await adding;
  }
  await add();
  const published = await Promise.all(publishing);
  const places = published.map(({ topic, sequence }) => `${topic}/${sequence}`).sort();
  expect(new Set(places).size).toBe(places.length);
  await eventually(
    () => seen.map(({ places: of }) => of().length),
    (counts) => counts.every((count) => count >= places.length),
    { what: 'every event', timeoutMs: 30_000 },
  );
  await sleep(200);
  for (const one of seen) expect([...one.places()].sort()).toEqual(places);
  for (const { events } of seen) {
    for (const topic of new Set(events.map((event) => event.topic))) {
      const numbers = events
        .filter((event) => event.topic === topic && topic !== `${area}:u`)
        .map((event) => event.json<number>());
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  }
  expect(resumes.length).toBeGreaterThanOrEqual(KILLS);
});
