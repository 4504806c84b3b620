/**
 * Monitoring on real pods: a real Prometheus scrapes what the chart's PodMonitors select, everything that alerts and
 * dashboard ask for is there, and an alert is raised when its cause is.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { loadCustomResourceDefinitions } from '../cluster/custom-resource-definitions.ts';
import { ensureImageArchive } from '../cluster/images.ts';
import { ensureTools } from '../cluster/tools.ts';
import { eventually } from '../harness/eventually.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { dashboardQueries, readDashboard } from '../helm/monitoring/dashboard-queries.ts';
import { queriedMetrics } from '../helm/monitoring/queried-metrics.ts';
import { ensureProductImage } from './product-image.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { getJson, helmRelease, NAMESPACE, RELEASE, timed } from './release.ts';
import { runRunbook } from './runbook-commands.ts';

/** Has a series only while an alarm is raised. */
const ONLY_IN_TROUBLE = ['etcd_debugging_server_alarms'];
/** Of servers with an outbox, which the sample's are not: they have no token. */
const OF_OUTBOXES = /^mcp2_outbox_/;
/** By the label of their pods. */
const COMPONENTS = ['etcd', 'event-bus', 'inventory', 'operator', 'pricing', 'registry'];
const ONE_POD = ['operator', 'registry', 'contextTool.servers.pricing'];

let cluster: Cluster;
let prometheus: Prometheus;
let rules: readonly KubeObject[];
let addedKinds: readonly string[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    images: await Promise.all([ensureProductImage(), ensureImageArchive('localhost/etcd:1')]),
  });
  addedKinds = await knowPrometheusOperator();
  const on = ONE_POD.flatMap((section) => ['--set', `${section}.replicas=1`]);
  const monitoring = ['podMonitors', 'rules', 'dashboard'].flatMap((part) => [
    '--set',
    `monitoring.${part}.enabled=true`,
  ]);
  // Prometheus comes through the API server, which is no pod that a policy could name.
  const from = ['--set-json', 'networkPolicy.metricsFrom=[{"ipBlock":{"cidr":"0.0.0.0/0"}}]'];
  const args = [...from, '--set', 'contextTool.sample=true', ...on, ...monitoring];
  await timed('helm install with monitoring', () => helmRelease(cluster, 'install', { args }));
  rules = await list('prometheusrules');
  prometheus = await startPrometheus({ cluster, podMonitors: await list('podmonitors'), rules });
}, 600_000);

afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]();
  await cluster?.helm('uninstall', RELEASE, '--namespace', NAMESPACE, '--ignore-not-found', '--wait');
  if (addedKinds.length > 0) await cluster.kubectl('delete', 'crd', ...addedKinds);
  await cluster?.[Symbol.asyncDispose]();
});

test('every pod of every component is scraped, under the job that the alerts ask for', async () => {
  const jobs = COMPONENTS.map((component) => `${RELEASE}-${component}`);
  await eventually(
    async () => (await prometheus.query(`up{namespace="${NAMESPACE}"} == 1`)).map(({ metric }) => metric.job).sort(),
    (up) => JSON.stringify(up) === JSON.stringify(jobs),
    { what: `${jobs} are up`, timeoutMs: 60_000 },
  );
});

test('after one server was registered and looked up, every metric that an alert or a panel names has a value', async () => {
  await timed('helm test', () => cluster.helm('test', RELEASE, '--namespace', NAMESPACE));
  const { path } = await ensureTools();
  const alerts = rules.flatMap(({ spec }) => spec.groups).flatMap((group) => group.rules);
  const expressions = [
    ...alerts.map(({ expr }) => expr as string),
    ...dashboardQueries(readDashboard()).map(({ expression }) => expression),
  ];
  const queried = await Promise.all(expressions.map((expression) => queriedMetrics(path('promtool'), expression)));
  const names = [...new Set(queried.flat())].filter(
    (name) => !ONLY_IN_TROUBLE.includes(name) && !OF_OUTBOXES.test(name),
  );
  expect(names.length).toBeGreaterThan(35);
  const missing = async () => {
    const found = await prometheus.query(
      `count by (__name__) ({__name__=~"${names.join('|')}",namespace="${NAMESPACE}"})`,
    );
    const present = new Set(found.map(({ metric }) => metric.__name__));
    return names.filter((name) => !present.has(name));
  };
  await eventually(missing, (left) => left.length === 0, { what: 'a value of every metric', timeoutMs: 30_000 });
});

test('Prometheus evaluates every rule without an error, and no alert fires on a healthy release', async () => {
  const states = await eventually(readRules, (read) => read.every(({ health }) => health !== 'unknown'), {
    what: 'every rule evaluated',
    timeoutMs: 30_000,
  });
  expect(states.filter(({ health, lastError }) => health !== 'ok' || lastError)).toEqual([]);
  expect(states.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([]);
});

test('the dashboard is where its sidecar looks', async () => {
  const { items } = await getJson<{ items: KubeObject[] }>(
    cluster,
    'configmap',
    '-n',
    NAMESPACE,
    '-l',
    'grafana_dashboard=1',
  );
  expect(items.map(({ metadata }) => metadata.name)).toEqual([`${RELEASE}-dashboard`]);
  expect(JSON.parse(items[0]?.data['mcp2.json'])).toEqual(readDashboard());
});

test('an operator that is gone is noticed within seconds, and its return too', async () => {
  const state = async () => (await readRules()).find(({ name }) => name === 'Mcp2OperatorNoLeader')?.state;
  const scale = (replicas: number) =>
    cluster.kubectl('scale', '-n', NAMESPACE, `deploy/${RELEASE}-operator`, `--replicas=${replicas}`);
  await scale(0);
  await eventually(state, (now) => now === 'pending' || now === 'firing', { what: 'the alert', timeoutMs: 60_000 });
  await scale(1);
  await eventually(state, (now) => now === 'inactive', { what: 'no alert', timeoutMs: 120_000 });
});

test('the commands of the runbook give space back to etcd', async () => {
  const printed = await timed('runbook etcd-no-space', () => runRunbook(cluster, 'etcd-no-space', 'How to mend'));
  expect(printed).toContain('job.batch/etcd-disarm condition met');
});

test('the commands of the runbook replace the signing key, and publish the new one beside the old', async () => {
  const keysOf = async () => JSON.parse((await configMap('mcp2-trust')).data['jwks.json']).keys as { kid: string }[];
  const [old] = await keysOf();
  await timed('runbook signing-key-rotation', () => runRunbook(cluster, 'signing-key-rotation', 'In peace'));
  const secret = await getJson<KubeObject>(cluster, 'secret', '-n', NAMESPACE, `${RELEASE}-signing-key`);
  const { kid } = JSON.parse(Buffer.from(secret.data['key.jwk'], 'base64').toString());
  expect(kid).not.toBe(old?.kid);
  expect((await keysOf()).map((key) => key.kid).sort()).toEqual([old?.kid, kid].sort());
});

interface RuleState {
  readonly name: string;
  /** "inactive", "pending" or "firing". */
  readonly state: string;
  readonly health: string;
  readonly lastError?: string;
}

async function readRules(): Promise<readonly RuleState[]> {
  const { groups } = await prometheus.api<{ groups: readonly { rules: readonly RuleState[] }[] }>('rules');
  return groups.flatMap((group) => group.rules);
}

function configMap(name: string): Promise<KubeObject> {
  return getJson<KubeObject>(cluster, 'configmap', '-n', NAMESPACE, name);
}

/**
 * The kinds alone: nobody acts on them here but the test. A cluster that knows them keeps its own.
 *
 * @returns what was added.
 */
async function knowPrometheusOperator(): Promise<readonly string[]> {
  const group = 'monitoring.coreos.com';
  const served = async () =>
    (await cluster.kubectl('api-resources', '--api-group', group, '--output', 'name')).split('\n');
  const files = (await loadCustomResourceDefinitions()).filter(({ name }) => name.endsWith(`.${group}`));
  const known = await served();
  const added = files.filter(({ name }) => !known.includes(name));
  for (const { text } of added) await cluster.kubectlInput(text, 'apply', '--server-side', '-f', '-');
  await eventually(served, (now) => files.every(({ name }) => now.includes(name)), {
    what: 'the kinds are served',
    timeoutMs: 60_000,
    intervalMs: 500,
  });
  return added.map(({ name }) => name);
}

async function list(kind: string): Promise<readonly KubeObject[]> {
  return (await getJson<{ items: KubeObject[] }>(cluster, kind, '-n', NAMESPACE)).items;
}
