import { expect, test } from 'vitest';
import { type Sample, TrafficRecord } from './record.ts';

const sample = (endedMs: number, rest: Partial<Sample> = {}): Sample => ({
  kind: 'lookup',
  agent: 0,
  startedMs: endedMs - 5,
  endedMs,
  outcome: 'OK',
  ...rest,
});

test('a gap is the time without a good answer of the agent that waited longest, at the edges too', () => {
  const record = new TrafficRecord(2);
  for (const endedMs of [1_000, 1_100, 1_900, 2_000]) record.add(sample(endedMs));
  record.add(sample(1_500, { outcome: 'UNAVAILABLE' }));
  for (const endedMs of [1_000, 1_500, 2_000]) record.add(sample(endedMs, { agent: 1 }));
  expect(record.report(1_000, 2_000).lookups).toMatchObject({ count: 8, failed: 1, longestGapMs: 800 });
  expect(record.report(1_000, 3_500).lookups.longestGapMs).toBe(1_500);
});

test('an agent that got no good answer at all makes the whole span a gap', () => {
  const record = new TrafficRecord(2);
  record.add(sample(1_500));
  record.add(sample(1_500, { agent: 1, outcome: 'UNAVAILABLE', message: 'refused' }));
  const { lookups, failures } = record.report(1_000, 2_000);
  expect(lookups).toMatchObject({ longestGapMs: 1_000, outcomes: { UNAVAILABLE: 1 } });
  expect(failures).toMatchObject([{ agent: 1, outcome: 'UNAVAILABLE', message: 'refused' }]);
});

test('an agent that waits all the time for one answer makes the whole span a gap', () => {
  const record = new TrafficRecord(2);
  for (const endedMs of [1_000, 1_500, 2_000]) record.add(sample(endedMs));
  expect(record.report(1_000, 2_000).lookups).toMatchObject({ failed: 0, longestGapMs: 1_000 });
});

test('a report has the calls of its span alone', () => {
  const record = new TrafficRecord(1);
  record.add(sample(1_000, { stale: true }));
  record.add(sample(2_000, { empty: true }));
  record.add(sample(2_000, { kind: 'call', attempts: 2 }));
  record.add(sample(2_000, { kind: 'call', outcome: 'DEADLINE_EXCEEDED', attempts: 3 }));
  record.add(sample(2_000, { kind: 'tool', attempts: 2 }));
  const { lookups, calls, tools } = record.report(1_500, 2_500);
  expect(lookups).toMatchObject({ count: 1, stale: 0, empty: 1 });
  expect(calls).toMatchObject({ count: 2, failed: 1, secondTries: 1 });
  expect(tools).toMatchObject({ count: 1, failed: 0, secondTries: 1 });
});

test('an answer is kept when the agent was told something else before', () => {
  const record = new TrafficRecord(2);
  for (const [i, endpoints] of [['a'], ['a'], ['a', 'b'], []].entries()) {
    record.answered({ atMs: i, agent: 0, endpoints });
  }
  record.answered({ atMs: 9, agent: 1, endpoints: [] });
  expect(record.changes(1)).toEqual([
    { atMs: 2, agent: 0, endpoints: ['a', 'b'] },
    { atMs: 3, agent: 0, endpoints: [] },
    { atMs: 9, agent: 1, endpoints: [] },
  ]);
});
