import { expect, test } from 'vitest';
import { ReplicaLag, readPosition } from './replica-lag.ts';

test('a replica is at most as old as the newest position of the primary that it has reached', () => {
  const lag = new ReplicaLag();
  lag.primaryIsAt(10n, 1_000);
  lag.primaryIsAt(20n, 1_250);
  lag.replicaIsAt('replica1', 15n);
  expect(lag.lagMs('replica1', 1_300)).toBe(300);
  lag.replicaIsAt('replica1', 20n);
  expect(lag.lagMs('replica1', 1_300)).toBe(50);
});

test('while nobody writes it is as fresh as the last look at the primary, and ages when there is none', () => {
  const lag = new ReplicaLag();
  for (const askedMs of [0, 250, 500]) {
    lag.primaryIsAt(10n, askedMs);
    lag.replicaIsAt('replica1', 10n);
  }
  expect(lag.lagMs('replica1', 600)).toBe(100);
  expect(lag.lagMs('replica1', 60_000)).toBe(59_500);
});

test('nothing is known of a replica before the primary was asked, of one that has reached nothing, and of one forgotten', () => {
  const lag = new ReplicaLag();
  lag.replicaIsAt('replica1', 10n);
  expect(lag.lagMs('replica1', 0)).toBeUndefined();
  lag.primaryIsAt(20n, 0);
  lag.replicaIsAt('replica1', 10n);
  expect(lag.lagMs('replica1', 0)).toBeUndefined();
  lag.replicaIsAt('replica1', 20n);
  lag.forget('replica1');
  expect(lag.lagMs('replica1', 0)).toBeUndefined();
});

test('a position is one number of two halves', () => {
  expect(readPosition('16/B374D848')).toBe(0x16b374d848n);
  expect(readPosition('0/0')).toBe(0n);
  expect(() => readPosition('')).toThrow('did not say');
});
