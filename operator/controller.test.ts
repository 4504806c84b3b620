import { expect, test } from 'vitest';
import { silentLogger } from '#lib/logger.ts';
import { ManualClock, untilIdle } from '#lib/manual-clock.ts';
import { Controller, type ControllerOptions, type Failure, type ReconcileOutcome } from './controller.ts';
import { DependencyGate } from './dependency-gate.ts';
import { WorkQueue } from './work-queue.ts';

class Failing extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.kind);
    this.failure = failure;
  }
}

const classify = (error: unknown): Failure => (error instanceof Failing ? error.failure : { kind: 'terminal' });

function setUp(reconcile: ControllerOptions['reconcile'], options: Partial<ControllerOptions> = {}) {
  const clock = new ManualClock();
  const store = { isUp: true };
  const gate = new DependencyGate({
    name: 'store',
    probe: async () => {
      if (!store.isUp) throw new Error('away');
    },
    clock,
    random: () => 1,
    log: silentLogger,
    signal: new AbortController().signal,
  });
  const queue = new WorkQueue({ clock, random: () => 1, gates: [gate] });
  const outcomes: ReconcileOutcome[] = [];
  const metrics = { reconciled: (outcome: ReconcileOutcome) => outcomes.push(outcome) };
  const controller = new Controller({
    name: 'test',
    queue,
    reconcile,
    classify,
    clock,
    log: silentLogger,
    metrics,
    concurrency: 3,
    ...options,
  });
  return { clock, queue, controller, outcomes, store, gate };
}

test('every key that is added is reconciled', async () => {
  const seen: string[] = [];
  const { queue, controller, clock, outcomes } = setUp(async (key) => {
    seen.push(key);
    return {};
  });
  controller.start();
  for (let i = 0; i < 10; i += 1) queue.add(`a/${i}`);
  await clock.advance(0);
  expect(seen.length).toBe(10);
  expect(new Set(outcomes)).toEqual(new Set(['success']));
});

test('a key that wants to be looked at again is, and only then', async () => {
  const at: number[] = [];
  const { queue, controller, clock } = setUp(async () => {
    at.push(clock.monotonicMs());
    return at.length < 3 ? { requeueAfterMs: 5000 } : {};
  });
  controller.start();
  queue.add('a/one');
  await clock.advance(60_000);
  expect(at).toEqual([0, 5000, 10_000]);
});

test('no more than the allowed number of reconciles run at a time, and one key never twice', async () => {
  const running = new Map<string, number>();
  let most = 0;
  const { queue, controller, clock } = setUp(async (key) => {
    running.set(key, (running.get(key) ?? 0) + 1);
    expect(running.get(key)).toBe(1);
    most = Math.max(most, running.size);
    await clock.sleep(100);
    running.delete(key);
    return {};
  });
  controller.start();
  for (let round = 0; round < 5; round += 1) {
    for (let i = 0; i < 7; i += 1) queue.add(`a/${i}`);
    await clock.advance(50);
  }
  await clock.advance(5000);
  expect(most).toBe(3);
  expect(running.size).toBe(0);
});

test.each([
  [
    'throws at once',
    () => {
      throw new Failing({ kind: 'error' });
    },
  ],
  [
    'rejects later',
    async () => {
      throw new Failing({ kind: 'error' });
    },
  ],
  ['rejects with something that is no error', () => Promise.reject('odd')],
] as const)('a reconcile that %s is tried again, and the worker goes on', async (_title, fail) => {
  let failures = 0;
  const { queue, controller, clock } = setUp(async (key) => {
    if (key === 'bad' && failures < 3) {
      failures += 1;
      await fail();
    }
    return {};
  });
  controller.start();
  queue.add('bad');
  queue.add('good');
  await clock.advance(2000);
  expect(failures).toBe(3);
  expect(queue.failuresOf('bad')).toBe(0);
});

test('a conflict is tried again at once and leaves no mark', async () => {
  const at: number[] = [];
  const { queue, controller, clock } = setUp(async () => {
    at.push(clock.monotonicMs());
    if (at.length < 4) throw new Failing({ kind: 'conflict' });
    return {};
  });
  controller.start();
  queue.add('a/one');
  await clock.advance(1000);
  expect(at).toEqual([0, 70, 140, 210]);
});

test('a key that always fails for a reason of its own is tried at most once a minute in the long run', async () => {
  let tries = 0;
  const { queue, controller, clock } = setUp(async () => {
    tries += 1;
    throw new TypeError('a bug');
  });
  controller.start();
  queue.add('poison');
  await clock.advance(10 * 60_000);
  const afterTenMinutes = tries;
  await clock.advance(60 * 60_000);
  expect(tries - afterTenMinutes).toBeLessThanOrEqual(60);
});

test('while the store is away one probe runs, and no reconcile', async () => {
  let tries = 0;
  const { queue, controller, clock, store, gate, outcomes } = setUp(async () => {
    tries += 1;
    if (!store.isUp) throw new Failing({ kind: 'gate', gate: 'store' });
    return {};
  });
  store.isUp = false;
  controller.start();
  for (let i = 0; i < 100; i += 1) queue.add(`a/${i}`);
  await clock.advance(60_000);
  expect(gate.isClosed).toBe(true);
  expect(tries).toBeLessThanOrEqual(3);
  store.isUp = true;
  await clock.advance(1300);
  expect(outcomes.filter((outcome) => outcome === 'success').length).toBe(100);
});

test('a reconcile that overruns its time is told so, waited for, and tried again', async () => {
  const reasons: unknown[] = [];
  let tries = 0;
  const { queue, controller, clock, outcomes } = setUp(async (_key, signal) => {
    tries += 1;
    if (tries > 1) return {};
    await clock.sleep(100_000, signal).catch((reason: unknown) => reasons.push(reason));
    await clock.sleep(5000);
    throw new Failing({ kind: 'terminal' });
  });
  controller.start();
  queue.add('slow');
  await clock.advance(30_000);
  queue.add('slow');
  await clock.advance(4999);
  expect(tries).toBe(1);
  await clock.advance(1000);
  expect(tries).toBe(2);
  expect(String(reasons[0])).toContain('30000 ms');
  expect(outcomes[0]).toBe('terminal');
});

test('draining lets work in progress finish and starts nothing new', async () => {
  const finished: string[] = [];
  const { queue, controller, clock } = setUp(async (key) => {
    await clock.sleep(1000);
    finished.push(key);
    return {};
  });
  controller.start();
  for (let i = 0; i < 10; i += 1) queue.add(`a/${i}`);
  await clock.advance(500);
  let isDrained = false;
  void controller.drain(20_000).then(() => {
    isDrained = true;
  });
  await clock.advance(499);
  expect(isDrained).toBe(false);
  await clock.advance(1);
  expect(isDrained).toBe(true);
  expect(finished.length).toBe(3);
});

test('draining aborts what does not finish in time', async () => {
  const { queue, controller, clock, outcomes } = setUp(async (_key, signal) => {
    await clock.sleep(1_000_000, signal);
    return {};
  });
  controller.start();
  queue.add('a/one');
  await clock.advance(10);
  let isDrained = false;
  void controller.drain(5000).then(() => {
    isDrained = true;
  });
  await clock.advance(5000);
  expect(isDrained).toBe(true);
  expect(outcomes).toEqual(['stopped']);
});

test('a process that may not work any more stops all its work and says so once', async () => {
  const stops: unknown[] = [];
  const { queue, controller, clock } = setUp(
    async (key, signal) => {
      if (key === 'a/fenced') throw new Failing({ kind: 'stop' });
      await clock.sleep(1_000_000, signal);
      return {};
    },
    { onStop: (error) => stops.push(error) },
  );
  controller.start();
  queue.add('a/one');
  queue.add('a/fenced');
  queue.add('a/two');
  await clock.advance(10);
  await controller.drain(0);
  await untilIdle();
  expect(stops.length).toBe(1);
  expect(queue.inWorkSeconds()).toEqual([]);
});
