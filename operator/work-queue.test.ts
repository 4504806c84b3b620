import { expect, test } from 'vitest';
import { silentLogger } from '#lib/logger.ts';
import { ManualClock, untilIdle } from '#lib/manual-clock.ts';
import { DependencyGate } from './dependency-gate.ts';
import { Priority, WorkQueue, type WorkQueueOptions } from './work-queue.ts';

/** `random` 1 makes every wait its upper bound. */
function setUp(options: Partial<WorkQueueOptions> = {}) {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock, random: () => 1, ...options });
  return { clock, queue };
}

/** Takes what can be taken now; keys stay in work. */
async function takeNow(queue: WorkQueue, limit = Number.POSITIVE_INFINITY): Promise<string[]> {
  const taken: string[] = [];
  while (queue.depth > 0 && taken.length < limit) taken.push((await queue.take()) ?? '');
  return taken;
}

test('a key that is added often is handed out once', async () => {
  const { queue } = setUp();
  for (let i = 0; i < 5; i += 1) queue.add('a/one');
  expect(queue.depth).toBe(1);
  expect(await takeNow(queue)).toEqual(['a/one']);
});

test('a key added during its own work is worked on once more, and never by two workers', async () => {
  const { queue } = setUp();
  queue.add('a/one');
  expect(await queue.take()).toBe('a/one');
  queue.add('a/one');
  queue.add('a/one');
  expect(queue.depth).toBe(0);
  queue.done('a/one');
  expect(await takeNow(queue)).toEqual(['a/one']);
  queue.done('a/one');
  expect(queue.depth).toBe(0);
});

test('user changes overtake the first list, and that overtakes routine checks', async () => {
  const { queue } = setUp();
  queue.add('resync', Priority.Resync);
  queue.add('initial', Priority.Initial);
  queue.add('change', Priority.Change);
  expect(await takeNow(queue)).toEqual(['change', 'initial', 'resync']);
});

test('a waiting key is lifted by a more urgent add and not lowered by a less urgent one', async () => {
  const { queue } = setUp();
  queue.add('first', Priority.Initial);
  queue.add('lifted', Priority.Resync);
  queue.add('lifted', Priority.Change);
  queue.add('lifted', Priority.Resync);
  expect(await takeNow(queue)).toEqual(['lifted', 'first']);
});

test('a key that was added urgently during its work comes back urgently', async () => {
  const { queue } = setUp();
  queue.add('a/one', Priority.Resync);
  await queue.take();
  queue.add('a/two', Priority.Initial);
  queue.add('a/one', Priority.Change);
  queue.done('a/one');
  expect(await takeNow(queue)).toEqual(['a/one', 'a/two']);
});

test.each([
  ['error', 60_000],
  ['terminal', 300_000],
] as const)('a key that keeps failing (%s) waits 50 ms, doubling up to %d ms', async (kind, capMs) => {
  const { clock, queue } = setUp();
  const waits: number[] = [];
  queue.add('a/one');
  for (let i = 0; i < 16; i += 1) {
    await queue.take();
    queue.retry('a/one', kind);
    queue.done('a/one');
    waits.push(clock.nextWakeMs ?? -1);
    await clock.advance(capMs);
  }
  expect(waits.slice(0, 4)).toEqual([50, 100, 200, 400]);
  expect(Math.max(...waits)).toBe(capMs);
  expect(waits.at(-1)).toBe(capMs);
});

test('a conflict is tried again after 20 to 70 ms and leaves no mark against the key', async () => {
  for (const random of [0, 0.5, 1]) {
    const { clock, queue } = setUp({ random: () => random });
    queue.add('a/one');
    for (let i = 0; i < 10; i += 1) {
      await queue.take();
      queue.retry('a/one', 'conflict');
      queue.done('a/one');
      expect(clock.nextWakeMs).toBe(20 + 50 * random);
      await clock.advance(70);
    }
    expect(queue.failuresOf('a/one')).toBe(0);
  }
});

test('a success makes the next failure start small again', async () => {
  const { clock, queue } = setUp();
  queue.add('a/one');
  for (let i = 0; i < 6; i += 1) {
    await queue.take();
    queue.retry('a/one', 'error');
    queue.done('a/one');
    await clock.advance(60_000);
  }
  queue.forget('a/one');
  await queue.take();
  queue.retry('a/one', 'error');
  queue.done('a/one');
  expect(clock.nextWakeMs).toBe(50);
});

test('a thousand keys that fail together come back at 20 a second after a burst of 200', async () => {
  const { clock, queue } = setUp({ random: () => 0 });
  for (let i = 0; i < 1000; i += 1) queue.add(`a/${i}`);
  for (const key of await takeNow(queue)) {
    queue.retry(key, 'error');
    queue.done(key);
  }
  await clock.advance(1);
  expect((await takeNow(queue)).length).toBe(200);
  await clock.advance(10_000);
  expect((await takeNow(queue)).length).toBe(200);
});

test('work on a key makes the times it was due later void', async () => {
  const { clock, queue } = setUp();
  queue.addAfter('a/one', 1000);
  queue.add('a/one');
  await queue.take();
  queue.done('a/one');
  await clock.advance(5000);
  expect(queue.depth).toBe(0);
});

test('of two due times the earlier one counts', async () => {
  const { clock, queue } = setUp();
  queue.addAfter('a/one', 1000);
  queue.addAfter('a/one', 300);
  queue.addAfter('a/one', 2000);
  await clock.advance(299);
  expect(queue.depth).toBe(0);
  await clock.advance(1);
  expect(await takeNow(queue)).toEqual(['a/one']);
  queue.done('a/one');
  await clock.advance(10_000);
  expect(queue.depth).toBe(0);
});

test('a key due in a month is not forgotten', async () => {
  const { clock, queue } = setUp();
  const monthMs = 30 * 24 * 3_600_000;
  queue.addAfter('a/one', monthMs);
  await clock.advance(monthMs - 1);
  expect(queue.depth).toBe(0);
  await clock.advance(1);
  expect(queue.depth).toBe(1);
});

function setUpGate() {
  const clock = new ManualClock();
  const stop = new AbortController();
  const dependency = { isUp: false, probes: 0 };
  const gate = new DependencyGate({
    name: 'store',
    probe: async () => {
      dependency.probes += 1;
      if (!dependency.isUp) throw new Error('away');
    },
    clock,
    random: () => 0.5,
    log: silentLogger,
    signal: stop.signal,
  });
  const queue = new WorkQueue({ clock, random: () => 0.5, gates: [gate] });
  return { clock, gate, queue, dependency, stop };
}

test('while a gate is closed nothing is handed out, and one probe asks for all', async () => {
  const { clock, queue, dependency } = setUpGate();
  for (let i = 0; i < 50; i += 1) queue.add(`a/${i}`);
  for (const key of await takeNow(queue, 10)) {
    queue.park(key, 'store', new Error('away'));
    queue.done(key);
  }
  const taken: (string | undefined)[] = [];
  void queue.take().then((key) => taken.push(key));
  await clock.advance(5000);
  expect(taken).toEqual([]);
  expect([...queue.pendingKeys()].length).toBe(50);
  expect(dependency.probes).toBeGreaterThan(5);
  expect(dependency.probes).toBeLessThan(30);
});

test('when the gate opens, parked keys come back within 300 ms and the others at once', async () => {
  const { clock, queue, dependency, gate } = setUpGate();
  queue.add('parked');
  queue.park((await queue.take()) ?? '', 'store', new Error('away'));
  queue.done('parked');
  queue.add('waiting');
  await clock.advance(5000);
  dependency.isUp = true;
  await clock.advance(1000);
  expect(gate.isClosed).toBe(false);
  await clock.advance(300);
  expect((await takeNow(queue)).sort()).toEqual(['parked', 'waiting']);
});

test('a parked key that changes meanwhile is worked on once', async () => {
  const { clock, queue, dependency } = setUpGate();
  queue.add('a/one');
  queue.park((await queue.take()) ?? '', 'store', new Error('away'));
  queue.add('a/one');
  queue.done('a/one');
  queue.add('a/one');
  dependency.isUp = true;
  await clock.advance(5000);
  expect(await takeNow(queue)).toEqual(['a/one']);
  queue.done('a/one');
  await clock.advance(5000);
  expect(queue.depth).toBe(0);
});

test('a probe that succeeds while the work still fails does not become a hot loop', async () => {
  const { clock, gate, queue, dependency } = setUpGate();
  dependency.isUp = true;
  queue.add('a/one');
  for (let i = 0; i < 500; i += 1) {
    if (queue.depth > 0) {
      queue.park((await queue.take()) ?? '', 'store', new Error('still away'));
      queue.done('a/one');
    }
    await clock.advance(20);
  }
  expect(dependency.probes).toBeLessThan(30);
  expect(gate.closedAtMs === undefined || queue.depth <= 1).toBe(true);
});

test('draining hands out nothing more and waits for the keys in work', async () => {
  const { clock, queue } = setUp();
  queue.add('in work');
  await queue.take();
  queue.add('left over');
  queue.addAfter('later', 10);
  let isDrained = false;
  void queue.drain().then(() => {
    isDrained = true;
  });
  expect(await queue.take()).toBeUndefined();
  await clock.advance(1000);
  queue.add('too late');
  expect(isDrained).toBe(false);
  queue.done('in work');
  await untilIdle();
  expect(isDrained).toBe(true);
  expect(queue.depth).toBe(0);
});

test('a worker that waits for a key is told when the queue drains', async () => {
  const { queue } = setUp();
  const waiting = queue.take();
  await queue.drain();
  expect(await waiting).toBeUndefined();
});

test('the oldest key that waits is known, also one that was lifted and one behind a closed gate', async () => {
  const { clock, queue } = setUp();
  expect(queue.oldestSeconds()).toBe(0);
  queue.add('old', Priority.Resync);
  await clock.advance(4000);
  queue.add('young', Priority.Change);
  queue.add('old', Priority.Change);
  expect(queue.oldestSeconds()).toBe(4);
  expect(await takeNow(queue)).toEqual(['young', 'old']);
  expect(queue.oldestSeconds()).toBe(0);
});

test('a key behind a gate has waited since the gate closed', async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const probe = () => Promise.reject(new Error('away'));
  const gate = new DependencyGate({ name: 'store', probe, clock, random: () => 1, log: silentLogger, signal });
  const { queue } = setUp({ clock, gates: [gate] });
  queue.add('a/one');
  await queue.take();
  queue.park('a/one', 'store', new Error('away'));
  queue.done('a/one');
  await clock.advance(65_000);
  expect(queue.oldestSeconds()).toBe(65);
});

test('the metrics count adds, waits, work and retries', async () => {
  const seen: string[] = [];
  const { clock, queue } = setUp({
    metrics: {
      added: () => seen.push('added'),
      depth: () => undefined,
      taken: (seconds) => seen.push(`taken ${seconds}`),
      finished: (seconds) => seen.push(`finished ${seconds}`),
      retried: () => seen.push('retried'),
      parked: () => undefined,
    },
  });
  queue.add('a/one');
  queue.add('a/one');
  await clock.advance(2000);
  await queue.take();
  await clock.advance(3000);
  expect(queue.inWorkSeconds()).toEqual([3]);
  queue.retry('a/one', 'error');
  queue.done('a/one');
  expect(seen).toEqual(['added', 'taken 2', 'retried', 'finished 3']);
});
