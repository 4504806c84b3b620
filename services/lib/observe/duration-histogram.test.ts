import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { DurationHistogram, registerDurations } from './duration-histogram.ts';

const METRIC = { name: 'call_seconds', help: 'How long calls took.' };
const BOUNDS = [0.001, 0.01, 0.1];
/** Inside buckets, on their edges, below and above them all. */
const SECONDS = [0, 0.0005, 0.001, 0.0011, 0.01, 0.05, 0.1, 0.2, 30];

test('it is scraped exactly like the histogram of prom-client', async () => {
  const metrics = new Registry();
  const theirs = new Histogram({ ...METRIC, labelNames: ['method'], buckets: BOUNDS, registers: [metrics] });
  for (const seconds of SECONDS) theirs.observe({ method: 'a' }, seconds);
  theirs.observe({ method: 'b' }, 0.002);
  const { metrics: own, histograms } = setUp('a', 'b');
  for (const seconds of SECONDS) histograms[0]?.observe(seconds);
  histograms[1]?.observe(0.002);
  expect(await own.metrics()).toBe(await metrics.metrics());
});

test('a method that was never called has no lines', async () => {
  const { metrics, histograms } = setUp('called', 'idle');
  histograms[0]?.observe(0.002);
  expect(await metrics.metrics()).toContain('method="called"');
  expect(await metrics.metrics()).not.toContain('method="idle"');
});

test('a second metric of the same name is refused', () => {
  const { metrics } = setUp();
  expect(() => registerDurations(metrics, [], METRIC)).toThrow('already been registered');
});

function setUp(...methods: readonly string[]) {
  const metrics = new Registry();
  const histograms = methods.map((method) => new DurationHistogram({ method }, BOUNDS));
  registerDurations(metrics, histograms, METRIC);
  return { metrics, histograms };
}
