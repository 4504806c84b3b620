import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { KEPT_MS, KeptAnswers } from './kept-answers.ts';

function setUp() {
  const clock = new ManualClock();
  const seen = { repeats: 0, dropped: 0 };
  const kept = new KeptAnswers({
    clock,
    onRepeat: () => {
      seen.repeats += 1;
    },
    onDropped: () => {
      seen.dropped += 1;
    },
  });
  let runs = 0;
  const ask = (id: string, bytes = 1) =>
    kept.answer({ id, argumentsHash: 'a' }, () => {
      runs += 1;
      return Buffer.alloc(bytes, runs % 256);
    });
  return { clock, seen, kept, ask, runs: () => runs };
}

test('an answer is kept for ten minutes from its end, however often it is asked for', async () => {
  const { clock, ask, runs, seen } = setUp();
  await ask('x');
  for (let i = 0; i < 9; i++) {
    clock.jump(KEPT_MS / 10);
    await ask('x');
  }
  expect([runs(), seen.repeats]).toEqual([1, 9]);
  clock.jump(KEPT_MS / 10);
  await ask('x');
  expect(runs()).toBe(2);
});

test('of more than 10,000 answers the oldest are dropped and counted, also when they are asked for', async () => {
  const { kept, ask, runs, seen } = setUp();
  for (let i = 0; i <= 10_000; i++) {
    await ask(`id-${i}`);
    if (i > 0) await ask('id-0').catch(() => undefined);
  }
  expect(kept.size).toBe(10_000);
  expect(seen.dropped).toBeGreaterThan(0);
  const before = runs();
  await ask('id-10000');
  expect(runs()).toBe(before);
});

test('of more than 64 MiB the oldest are dropped', async () => {
  const { kept, ask, seen } = setUp();
  for (let i = 0; i < 20; i++) await ask(`id-${i}`, 4 * 1024 * 1024);
  expect(kept.size).toBe(15);
  expect(seen.dropped).toBe(5);
});

test('an old answer that is dropped after its time is no loss', async () => {
  const { clock, ask, seen } = setUp();
  for (let i = 0; i < 15; i++) await ask(`id-${i}`, 4 * 1024 * 1024);
  clock.jump(KEPT_MS);
  await ask('next', 4 * 1024 * 1024);
  expect(seen.dropped).toBe(0);
});
