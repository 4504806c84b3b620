/** docs/metrics.md names every metric that a process exposes, as it is, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readMetricInventory, seriesOf } from './metric-inventory.ts';

const PROCESSES: Readonly<Record<string, readonly string[]>> = {
  Operator: ['operator'],
  Registry: ['registry'],
  'Event bus': ['event-bus'],
  'Context-tool': ['context-tool'],
  'gRPC servers: registry, event bus and context-tool': ['registry', 'event-bus', 'context-tool'],
  'Every process': ['operator', 'registry', 'event-bus', 'context-tool'],
};

const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');

test('the tables of docs/metrics.md are what the code registers', async () => {
  const inventory = await readMetricInventory();
  const expected = inventory.map(({ name, type, processes }) => ({ name, type, processes }));
  const documented = Object.entries(PROCESSES).flatMap(([section, processes]) =>
    rowsOf(page, section).map(({ name, type }) => ({ name, type, processes })),
  );
  expect(documented.length).toBeGreaterThan(60);
  expect(documented.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(expected);
});

test('each row says what the metric means', () => {
  const rows = Object.keys(PROCESSES).flatMap((section) => rowsOf(page, section));
  expect(rows.filter(({ meaning }) => meaning.length < 10)).toEqual([]);
});

test('a histogram is asked for by its series', () => {
  expect(seriesOf({ name: 'a_seconds', type: 'histogram' })).toEqual([
    'a_seconds_bucket',
    'a_seconds_sum',
    'a_seconds_count',
  ]);
  expect(seriesOf({ name: 'a_total', type: 'counter' })).toEqual(['a_total']);
});

function rowsOf(text: string, section: string): { name: string; type: string; meaning: string }[] {
  const body = text.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...body.matchAll(/^\| `(\w+)` \| (\w+) \| [^|]*\| ([^|]*) \|$/gm)].map(
    ([, name = '', type = '', meaning = '']) => ({
      name,
      type,
      meaning,
    }),
  );
}
