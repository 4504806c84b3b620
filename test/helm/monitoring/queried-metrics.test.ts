/** What alerts and dashboard ask for exists: in the processes' own metrics, or in etcd's as docs/metrics.md lists them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ensureTools } from '../../cluster/tools.ts';
import { readMetricInventory, seriesOf } from '../../harness/metric-inventory.ts';
import { renderAlerts } from './alerts.ts';
import { type Dashboard, dashboardQueries, readDashboard } from './dashboard-queries.ts';
import { queriedMetrics } from './queried-metrics.ts';

let promtool: string;
let known: ReadonlySet<string>;
let dashboard: Dashboard;

beforeAll(async () => {
  promtool = (await ensureTools()).path('promtool');
  known = new Set(['up', ...(await readMetricInventory()).flatMap(seriesOf), ...etcdSeries()]);
  dashboard = readDashboard();
});

test('every metric that an alert names exists', async () => {
  const alerts = await renderAlerts();
  expect(alerts.length).toBeGreaterThan(20);
  const unknown = await Promise.all(alerts.map(({ alert, expr }) => unknownIn(alert, expr)));
  expect(unknown.flat()).toEqual([]);
});

test('every query of the dashboard is sound, and every metric that it names exists', async () => {
  const queries = dashboardQueries(dashboard);
  expect(queries.length).toBeGreaterThan(25);
  const unknown = await Promise.all(queries.map(({ panel, expression }) => unknownIn(panel, expression)));
  expect(unknown.flat()).toEqual([]);
});

test('a metric that does not exist, and an expression that is none, are noticed', async () => {
  expect(await unknownIn('any', 'rate(mcp2_no_such_total{job="}x{"}[5m]) / up')).toEqual(['any: mcp2_no_such_total']);
  await expect(unknownIn('any', 'sum(')).rejects.toThrow('parse error');
});

async function unknownIn(where: string, expression: string): Promise<string[]> {
  const names = await queriedMetrics(promtool, expression);
  if (names.length === 0) return [`${where}: no metric in ${expression}`];
  return names.filter((name) => !known.has(name)).map((name) => `${where}: ${name}`);
}

function etcdSeries(): readonly string[] {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
  const rows = page.split('\n## etcd\n')[1] ?? '';
  return [...rows.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].flatMap(([, name = '', type = '']) =>
    seriesOf({ name, type }),
  );
}
