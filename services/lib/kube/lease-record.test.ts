import { expect, test } from 'vitest';
import { type Lease, LeaseObservation, releasedSpec, takenSpec } from './lease-record.ts';

const lease = (spec: Lease['spec'], resourceVersion = '1'): Lease => ({
  metadata: { name: 'leader', uid: 'u', resourceVersion },
  ...(spec === undefined ? {} : { spec }),
});
const held = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '2020-01-01T00:00:00.000000Z' };

test('a lease is vacant when its holder was silent for its whole duration, by our own clock', () => {
  const observed = new LeaseObservation();
  observed.observe(lease(held), 1000);
  expect(observed.vacantInMs(1000, 3000)).toBe(15_000);
  observed.observe(lease(held), 10_000);
  expect(observed.vacantInMs(15_999, 3000)).toBe(1);
  expect(observed.vacantInMs(16_000, 3000)).toBe(0);
});

test('each renewal starts the count anew, whatever its time says', () => {
  const observed = new LeaseObservation();
  observed.observe(lease(held), 0);
  observed.observe(lease({ ...held, renewTime: '1999-01-01T00:00:00.000000Z' }), 14_000);
  expect(observed.vacantInMs(15_000, 3000)).toBe(14_000);
});

test('a label that somebody puts on the lease is no sign of life', () => {
  const observed = new LeaseObservation();
  observed.observe(lease(held, '1'), 0);
  observed.observe(lease(held, '2'), 14_000);
  expect(observed.vacantInMs(15_000, 3000)).toBe(0);
});

test.each([
  ['does not exist', undefined],
  ['has no holder', { leaseDurationSeconds: 15 }],
  ['was released', releasedSpec(0)],
  ['has an empty holder', { holderIdentity: '', leaseDurationSeconds: 15 }],
])('a lease that %s is vacant at once', (_title, spec) => {
  const observed = new LeaseObservation();
  observed.observe(lease(spec), 0);
  expect(observed.vacantInMs(0, 3000)).toBe(0);
});

test('a holder that states no duration has ours', () => {
  const observed = new LeaseObservation();
  observed.observe(lease({ holderIdentity: 'other' }), 0);
  expect(observed.vacantInMs(1000, 3000)).toBe(2000);
});

test('taking over counts a transition and starts a new term; renewing does neither', () => {
  const taken = takenSpec({ ...held, leaseTransitions: 4 }, { identity: 'me', durationMs: 3000, nowMs: 0 });
  expect(taken).toEqual({
    holderIdentity: 'me',
    leaseDurationSeconds: 3,
    acquireTime: '1970-01-01T00:00:00.000000Z',
    renewTime: '1970-01-01T00:00:00.000000Z',
    leaseTransitions: 5,
  });
  expect(takenSpec(taken, { identity: 'me', durationMs: 3000, nowMs: 1500 })).toEqual({
    ...taken,
    renewTime: '1970-01-01T00:00:01.500000Z',
  });
});

test('the first holder of a new lease counts no transition', () => {
  expect(takenSpec(undefined, { identity: 'me', durationMs: 3000, nowMs: 0 }).leaseTransitions).toBe(0);
});
