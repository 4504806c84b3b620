import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import { DEFAULT_STALENESS, Staleness } from './staleness.ts';

function createStaleness() {
  const clock = new ManualClock();
  const world = { isAway: false, reads: 0, watchHeardMs: 0 };
  const staleness = new Staleness({
    store: {
      async get() {
        world.reads += 1;
        if (world.isAway) throw new ServiceError('STORE_UNAVAILABLE', 'away');
        return { entry: undefined, revision: 1 };
      },
    },
    probeKey: '/any',
    watchSilentMs: () => clock.monotonicMs() - world.watchHeardMs,
    clock,
    log: pino({ level: 'silent' }),
    settings: DEFAULT_STALENESS,
  });
  const stop = new AbortController();
  return { clock, world, staleness, stop, running: staleness.run(stop.signal) };
}

test('before the first read nothing is known to be current', () => {
  const clock = new ManualClock();
  const staleness = new Staleness({
    store: { get: () => new Promise(() => undefined) },
    probeKey: '/any',
    watchSilentMs: () => 0,
    clock,
    log: pino({ level: 'silent' }),
    settings: DEFAULT_STALENESS,
  });
  expect(staleness.isStale).toBe(true);
});

test('the store is read every 5 s; 15 s without a successful read are stale, and one more read ends that', async () => {
  const { clock, world, staleness } = createStaleness();
  const hear = () => {
    world.watchHeardMs = clock.monotonicMs();
  };
  await clock.advance(20_000);
  hear();
  expect(world.reads).toBe(5);
  expect(staleness.isStale).toBe(false);
  world.isAway = true;
  await clock.advance(15_000);
  hear();
  expect(staleness.isStale).toBe(false);
  await clock.advance(1);
  expect(staleness.isStale).toBe(true);
  expect(staleness.unconfirmedMs).toBe(15_001);
  world.isAway = false;
  await clock.advance(5_000);
  expect(staleness.isStale).toBe(false);
});

test('a watch that has been silent for 30 s is stale, although the store can be read', async () => {
  const { clock, staleness } = createStaleness();
  await clock.advance(30_000);
  expect(staleness.isStale).toBe(false);
  await clock.advance(1);
  expect(staleness.isStale).toBe(true);
});

test('reading ends with the signal', async () => {
  const { clock, stop, running } = createStaleness();
  await clock.advance(7_000);
  stop.abort(new Error('stopping'));
  await running;
  expect(clock.sleepers).toBe(0);
});
