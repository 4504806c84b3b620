import { expect, test } from 'vitest';
import { formatMicroTime, formatTime } from './micro-time.ts';
import { isCurrent } from './status.ts';

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'Answered',
  message: 'it answers',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};
const foreign = { type: 'Audited', status: 'True', reason: 'Ok', message: '' };

test.each([
  ['the same status is current', { phase: 'Ready', conditions: [ready] }, true],
  ['the order of members does not matter', { conditions: [ready], phase: 'Ready' }, true],
  ['conditions of other owners do not matter', { phase: 'Ready', conditions: [foreign, ready] }, true],
  ['another message is a change', { phase: 'Ready', conditions: [{ ...ready, message: 'x' }] }, false],
  ['another member of ours is a change', { phase: 'Pending', conditions: [ready] }, false],
  ['a missing condition is a change', { phase: 'Ready', conditions: [foreign] }, false],
  ['no status at all is a change', undefined, false],
])('%s', (_title, stored, expected) => {
  expect(isCurrent({ phase: 'Ready', conditions: [ready] }, stored, ['phase', 'conditions'])).toBe(expected);
});

test('a member of ours that is not wanted any more is a change, one of somebody else is not', () => {
  const stored = { conditions: [ready], endpoints: 3, note: 'theirs' };
  expect(isCurrent({ conditions: [ready] }, stored, ['conditions', 'endpoints'])).toBe(false);
  expect(isCurrent({ conditions: [ready] }, stored, ['conditions'])).toBe(true);
});

test.each([
  [0, '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00Z'],
  [Date.UTC(2026, 10, 22, 17, 4, 5, 7), '2026-11-22T17:04:05.007000Z', '2026-11-22T17:04:05Z'],
])('%d ms is a MicroTime of six digits and a Time of none', (ms, micro, time) => {
  expect(formatMicroTime(ms)).toBe(micro);
  expect(formatTime(ms)).toBe(time);
});
