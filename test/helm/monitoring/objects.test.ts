/** What the chart makes for Prometheus and Grafana: off unless asked for, and what it selects is there. */
import { expect, test } from 'vitest';
import { allInstalledSet, allNames } from '../../harness/chart-traits.ts';
import type { KubeObject } from '../../harness/kube-client.ts';
import { CHART, find, helm, NAMESPACE, podTemplates, render } from '../chart.ts';
import { readDashboard } from './dashboard-queries.ts';

const KINDS = ['PodMonitor', 'PrometheusRule'];

test('nothing of it is made unless it is asked for', async () => {
  const objects = await render();
  expect(objects.filter(({ kind }) => KINDS.includes(kind))).toEqual([]);
  expect(objects.filter(({ metadata }) => metadata.name.endsWith('-dashboard'))).toEqual([]);
});

test('each component has a PodMonitor, which selects its pods alone and a port that they have', async () => {
  const objects = await render({ file: 'monitoring', set: allInstalledSet() });
  const monitors = objects.filter(({ kind }) => kind === 'PodMonitor');
  const names = ['etcd', ...allNames()].map((component) => `mcp2-${component}`);
  expect(monitors.map(({ metadata }) => metadata.name).sort()).toEqual(names.sort());
  for (const { metadata, spec } of monitors) {
    const [endpoint, ...others] = spec.podMetricsEndpoints;
    expect(others).toEqual([]);
    expect(metadata.labels.release).toBe('kube-prometheus-stack');
    expect(spec.namespaceSelector).toEqual({ matchNames: [NAMESPACE] });
    expect(endpoint.relabelings).toEqual([{ targetLabel: 'job', replacement: metadata.name }]);
    const selected = podTemplates(objects).filter((pod) => isSelected(spec.selector.matchLabels, pod.metadata.labels));
    expect(selected.map(({ owner }) => owner.split(' ')[1])).toEqual([metadata.name]);
    expect(portsOf(selected[0]?.spec)).toContain(endpoint.port);
  }
});

test('what is not installed is not scraped', async () => {
  const set = ['etcd.mode=external', 'etcd.external.endpoints={https://etcd.example:2379}', 'contextTool.sample=false'];
  const objects = await render({ file: 'monitoring', set: [...set, 'etcd.external.existingSecret=etcd'] });
  const monitors = objects.filter(({ kind }) => kind === 'PodMonitor').map(({ metadata }) => metadata.name);
  expect(monitors.sort()).toEqual(['mcp2-event-bus', 'mcp2-operator', 'mcp2-registry']);
});

test('the dashboard is a ConfigMap with the label and annotations of the sidecar, whole', async () => {
  const { metadata, data } = find(await render({ file: 'monitoring' }), 'ConfigMap', 'mcp2-dashboard');
  expect(metadata.labels.grafana_dashboard).toBe('1');
  expect(metadata.annotations).toEqual({ grafana_folder: 'mcp2' });
  expect(JSON.parse(data['mcp2.json'])).toEqual(readDashboard());
});

test('the dashboard shows the processes that are installed', async () => {
  const objects = await render({ file: 'monitoring', set: ['contextTool.sample=false'] });
  expect(find(objects, 'ConfigMap', 'mcp2-dashboard').data['mcp2.json']).toContain(
    'service=~\\"event-bus|operator|registry\\"',
  );
});

test('the dashboard can have other labels and lie in the namespace of Grafana', async () => {
  const set = ['monitoring.dashboard.namespace=grafana', 'monitoring.dashboard.labels.grafana_dashboard=mcp2'];
  const { metadata } = find(await render({ file: 'monitoring', set }), 'ConfigMap', 'mcp2-dashboard');
  expect(metadata).toMatchObject({ namespace: 'grafana', labels: { grafana_dashboard: 'mcp2' } });
});

test.each([
  ['podMonitors', 'PodMonitor'],
  ['rules', 'PrometheusRule'],
])('monitoring.%s in a cluster that does not know the kind %s is refused with what to do', async (part, kind) => {
  const refused = helm('template', 'mcp2', CHART, '--set', `monitoring.${part}.enabled=true`);
  await expect(refused).rejects.toThrow(
    `monitoring.${part}.enabled needs the kind ${kind}, which this cluster does not know. Install the Prometheus operator`,
  );
});

test('panels have ids, places and titles of their own', () => {
  const { panels } = readDashboard();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const places = panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
  expect(new Set(places).size).toBe(panels.length);
  expect(panels.filter(({ title }) => title === '')).toEqual([]);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
});

function isSelected(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

function portsOf(spec: KubeObject['spec']): readonly string[] {
  return spec.containers.flatMap(({ ports = [] }: KubeObject['spec']) =>
    ports.map(({ name }: { name: string }) => name),
  );
}
