import { expect, test } from 'vitest';
import { EventSeriesTracker, type EventToRecord } from './event-series.ts';

const event = (note: string, name = 'one'): EventToRecord => ({
  regarding: { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', metadata: { name, namespace: 'ns', uid: name } },
  type: 'Warning',
  reason: 'HandshakeFailed',
  action: 'Probe',
  note,
});

test('the same event again counts up instead of being another', () => {
  const tracker = new EventSeriesTracker();
  const first = tracker.admit(event('refused'), 0);
  const again = tracker.admit(event('refused'), 60_000);
  expect(again).toBe(first);
  expect(again).toMatchObject({ count: 2, firstMs: 0, lastMs: 60_000, note: 'refused' });
});

test('after ten quiet minutes the same event is a new one', () => {
  const tracker = new EventSeriesTracker();
  const first = tracker.admit(event('refused'), 0);
  expect(tracker.admit(event('refused'), 600_001)).not.toBe(first);
});

test('more than ten different notes for one reason become one combined event', () => {
  const tracker = new EventSeriesTracker();
  const series = Array.from({ length: 15 }, (_, i) => tracker.admit(event(`port ${i}`), i * 1000));
  expect(new Set(series).size).toBe(11);
  expect(series[9]?.note).toBe('port 9');
  expect(series[10]?.note).toBe('(combined from similar events): port 10');
  expect(series[14]).toMatchObject({ count: 5 });
});

test('a resource may say 25 things at once and then one every five minutes', () => {
  const tracker = new EventSeriesTracker();
  const admitted = (count: number, nowMs: number) =>
    Array.from({ length: count }, () => tracker.admit(event('refused'), nowMs)).filter((one) => one !== undefined);
  expect(admitted(100, 0).length).toBe(25);
  expect(admitted(5, 299_000).length).toBe(0);
  expect(admitted(5, 300_000).length).toBe(1);
  expect(tracker.admit(event('refused'), 600_000)?.count).toBe(111);
});

test('one resource that talks too much does not silence another', () => {
  const tracker = new EventSeriesTracker();
  for (let i = 0; i < 100; i += 1) tracker.admit(event('refused', 'loud'), 0);
  expect(tracker.admit(event('refused', 'loud'), 0)).toBeUndefined();
  expect(tracker.admit(event('refused', 'quiet'), 0)).toBeDefined();
});

test('a long note is cut to 1,024 bytes without splitting a character', () => {
  const tracker = new EventSeriesTracker();
  for (const text of ['a'.repeat(5000), 'é'.repeat(5000), '€'.repeat(5000), '𝄞'.repeat(5000)]) {
    const note = tracker.admit(event(text), 0)?.note ?? '';
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(note)).toBeGreaterThan(1015);
    expect(note).not.toContain('\uFFFD');
  }
});
