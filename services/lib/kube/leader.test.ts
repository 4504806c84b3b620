/**
 * The timing of leader election, by a clock that is moved by hand. The lease is a record in memory with the API
 * server's one rule, that a write based on an old version is refused; the same elections run against a real API
 * server in test/integration.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { silentLogger } from '../logger.ts';
import { KubeApiError } from './api-error.ts';
import { LeaderElector, type LeaderElectorOptions } from './leader.ts';
import type { Leadership, LeadershipEnded } from './leadership.ts';
import type { Lease, LeaseSpec } from './lease-record.ts';

const NAME = { namespace: 'ns', name: 'leader' };

type Mood = 'fine' | 'fails' | 'hangs' | 'loses replies';

class LeaseInMemory {
  readonly clock: ManualClock;
  lease: Lease | undefined;
  #version = 0;
  #watchers = new Set<(lease: Lease) => void>();

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  write(spec: LeaseSpec): Lease {
    this.#version += 1;
    this.lease = { metadata: { ...NAME, uid: 'u', resourceVersion: String(this.#version) }, spec };
    for (const tell of this.#watchers) tell(this.lease);
    return this.lease;
  }

  delete(): void {
    this.lease = undefined;
  }

  /** The API as one process sees it; `mood` says how its calls go. */
  access(mood: () => Mood): LeaderElectorOptions['api'] {
    const call = async <T>(options: { deadlineMs?: number } | undefined, work: () => T): Promise<T> => {
      await this.clock.sleep(5);
      const now = mood();
      if (now === 'hangs') await this.clock.sleep(options?.deadlineMs ?? 10_000);
      if (now === 'fails' || now === 'hangs') throw new KubeApiError({ code: 0, reason: 'Unreachable', message: '' });
      const result = work();
      if (now === 'loses replies') throw new KubeApiError({ code: 0, reason: 'Unreachable', message: '' });
      return result;
    };
    return {
      get: (_resource, _name, options) => call(options, () => (this.lease ?? fail(404)) as never),
      create: (_resource, object, options) =>
        call(options, () => (this.lease === undefined ? this.write((object as Lease).spec ?? {}) : fail(409)) as never),
      mergePatch: (_resource, _name, patch, options) =>
        call(options, () => {
          const { metadata, spec } = patch as Lease;
          if (this.lease === undefined) return fail(404);
          if (metadata.resourceVersion !== this.lease.metadata.resourceVersion) return fail(409);
          return this.write({ ...this.lease.spec, ...spec }) as never;
        }),
      watch: (_resource, _query, signal) => this.#watch(mood, signal) as never,
    };
  }

  async *#watch(mood: () => Mood, signal: AbortSignal) {
    while (mood() === 'fine' && !signal.aborted) {
      const changed = Promise.withResolvers<Lease>();
      this.#watchers.add(changed.resolve);
      const stop = () => changed.reject(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      try {
        yield { type: 'MODIFIED' as const, object: await changed.promise };
      } finally {
        this.#watchers.delete(changed.resolve);
        signal.removeEventListener('abort', stop);
      }
    }
  }
}

function fail(code: number): never {
  throw new KubeApiError({ code, reason: 'Test', message: '' });
}

function setUp() {
  const clock = new ManualClock();
  const record = new LeaseInMemory(clock);
  const stop = new AbortController();
  const candidate = (identity: string, random: () => number = () => 0.5) => {
    const process = { mood: 'fine' as Mood, leadership: undefined as Leadership | undefined, ended: '' };
    const elector = new LeaderElector({
      api: record.access(() => process.mood),
      lease: NAME,
      identity,
      clock,
      random,
      log: silentLogger,
    });
    const campaign = async () => {
      process.leadership = await elector.acquire(stop.signal);
      const { signal } = process.leadership;
      signal.addEventListener('abort', () => {
        process.ended = (signal.reason as LeadershipEnded).how;
      });
    };
    return Object.assign(process, { elector, campaign });
  };
  return { clock, record, candidate, stop };
}

test('one of two candidates leads, and goes on leading', async () => {
  const { clock, candidate } = setUp();
  const [a, b] = [candidate('a'), candidate('b')];
  void a.campaign();
  await clock.advance(100);
  void b.campaign();
  await clock.advance(600_000);
  expect(a.leadership?.isHeld()).toBe(true);
  expect(b.leadership).toBeUndefined();
  expect(b.elector.holder).toBe('a');
});

test('a leader that is cut off steps down after 10 s, and the next one leads within lease + 2 s', async () => {
  const { clock, candidate } = setUp();
  const [a, b] = [candidate('a'), candidate('b')];
  void a.campaign();
  await clock.advance(100);
  void b.campaign();
  await clock.advance(60_000);
  a.mood = 'hangs';
  await clock.advance(10_000);
  expect(a.leadership?.isHeld()).toBe(false);
  expect(a.ended).toBe('expired');
  expect(b.leadership).toBeUndefined();
  await clock.advance(7_000);
  expect(b.leadership?.isHeld()).toBe(true);
});

test('a release hands over at once', async () => {
  const { clock, candidate } = setUp();
  const [a, b] = [candidate('a'), candidate('b')];
  void a.campaign();
  await clock.advance(100);
  void b.campaign();
  await clock.advance(60_000);
  const released = a.leadership?.release();
  await clock.advance(50);
  await released;
  expect(a.ended).toBe('released');
  expect(b.leadership?.isHeld()).toBe(true);
});

test('without a watch a release is noticed by the next poll', async () => {
  const { clock, candidate } = setUp();
  const [a, b] = [candidate('a'), candidate('b')];
  void a.campaign();
  await clock.advance(100);
  b.mood = 'fails';
  void b.campaign();
  await clock.advance(60_000);
  void a.leadership?.release();
  await clock.advance(1_000);
  b.mood = 'fine';
  await clock.advance(2_500);
  expect(b.leadership?.isHeld()).toBe(true);
});

test.each(['fails', 'hangs', 'loses replies'] as const)(
  'a leader whose API %s for 6 s goes on leading',
  async (mood) => {
    const { clock, candidate } = setUp();
    const a = candidate('a');
    void a.campaign();
    await clock.advance(60_000);
    a.mood = mood;
    await clock.advance(6_000);
    a.mood = 'fine';
    await clock.advance(60_000);
    expect(a.leadership?.isHeld()).toBe(true);
  },
);

test('a candidate gives up for no error', async () => {
  const { clock, candidate } = setUp();
  const a = candidate('a');
  a.mood = 'fails';
  void a.campaign();
  await clock.advance(3_600_000);
  a.mood = 'hangs';
  await clock.advance(3_600_000);
  expect(a.leadership).toBeUndefined();
  a.mood = 'fine';
  await clock.advance(6_000);
  expect(a.leadership?.isHeld()).toBe(true);
});

test('a lease that was won while the reply was lost is recognised as ours', async () => {
  const { clock, candidate, record } = setUp();
  const a = candidate('a');
  a.mood = 'loses replies';
  void a.campaign();
  await clock.advance(3_000);
  expect(record.lease?.spec?.holderIdentity).toBe('a');
  expect(a.leadership).toBeUndefined();
  a.mood = 'fine';
  await clock.advance(3_000);
  expect(a.leadership?.isHeld()).toBe(true);
});

test('a leader that finds another holder stops at its next renewal', async () => {
  const { clock, candidate, record } = setUp();
  const a = candidate('a');
  void a.campaign();
  await clock.advance(60_000);
  record.write({ ...record.lease?.spec, holderIdentity: 'thief' });
  await clock.advance(2_500);
  expect(a.ended).toBe('taken');
  expect(a.leadership?.isHeld()).toBe(false);
});

test('a leader whose lease was deleted makes it again', async () => {
  const { clock, candidate, record } = setUp();
  const a = candidate('a');
  void a.campaign();
  await clock.advance(60_000);
  record.delete();
  await clock.advance(60_000);
  expect(a.leadership?.isHeld()).toBe(true);
  expect(record.lease).toBeDefined();
});

test('a campaign ends when its signal aborts', async () => {
  const { clock, candidate, stop } = setUp();
  const [a, b] = [candidate('a'), candidate('b')];
  void a.campaign();
  await clock.advance(100);
  const campaign = b.campaign();
  await clock.advance(60_000);
  stop.abort(new Error('shutting down'));
  await expect(campaign).rejects.toThrow('shutting down');
});

test('a leader whose process stood still knows it at once', async () => {
  const { clock, candidate } = setUp();
  const a = candidate('a');
  void a.campaign();
  await clock.advance(60_000);
  clock.jump(11_000);
  expect(a.leadership?.isHeld()).toBe(false);
  await clock.advance(0);
  expect(a.ended).toBe('expired');
});

test.each([
  { leaseDurationMs: 10_000, renewDeadlineMs: 10_000 },
  { renewDeadlineMs: 2_000, retryPeriodMs: 2_000 },
])('timing that cannot be safe is refused: %o', (timing) => {
  const clock = new ManualClock();
  const api = new LeaseInMemory(clock).access(() => 'fine');
  const options = { api, lease: NAME, identity: 'a', clock, random: () => 0, log: silentLogger, timing };
  expect(() => new LeaderElector(options)).toThrow('lease duration > renew deadline');
});

test('there are never two leaders, whatever the API does to whom', async () => {
  const mood = fc.constantFrom<Mood>('fine', 'fine', 'fails', 'hangs', 'loses replies');
  const phase = fc.record({ moods: fc.tuple(mood, mood, mood), seconds: fc.integer({ min: 1, max: 25 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(phase, { minLength: 1, maxLength: 8 }),
      fc.infiniteStream(fc.float({ min: 0, max: Math.fround(0.999), noNaN: true })),
      async (phases, randoms) => {
        const { clock, candidate, stop } = setUp();
        const random = () => randoms.next().value ?? 0;
        const all = ['a', 'b', 'c'].map((identity) => candidate(identity, random));
        for (const one of all) void campaignForEver(one, stop.signal);
        for (const { moods, seconds } of phases) {
          for (const [i, one] of all.entries()) one.mood = moods[i] ?? 'fine';
          for (let tenths = 0; tenths < seconds * 10; tenths += 1) {
            await clock.advance(100);
            const leaders = all.filter(({ leadership }) => leadership?.isHeld());
            expect(leaders.length).toBeLessThanOrEqual(1);
          }
        }
        for (const one of all) one.mood = 'fine';
        await clock.advance(20_000);
        expect(all.filter(({ leadership }) => leadership?.isHeld()).length).toBe(1);
        stop.abort();
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

async function campaignForEver(
  one: { campaign(): Promise<void>; readonly leadership: Leadership | undefined },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await one.campaign().catch(() => undefined);
    const ended = one.leadership?.signal;
    if (ended !== undefined && !ended.aborted) {
      await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
    }
  }
}
