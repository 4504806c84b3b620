/**
 * A real Prometheus that scrapes a release as its PodMonitors say, and judges its PrometheusRule.
 *
 * It runs on the machine of the test and reaches the pods through the API server's proxy, which works on a cluster of
 * somebody else too. What the Prometheus operator would make of a PodMonitor is made here: discovery by its selector, the
 * labels namespace, pod and container, and its own relabelings.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { ensureTools } from '../cluster/tools.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { freePort } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';

export interface Prometheus extends AsyncDisposable {
  /** The values of an instant query. @throws Error with what Prometheus says. */
  query(expression: string): Promise<readonly QueryResult[]>;
  /** A part of the HTTP API, for example "rules". */
  api<T>(path: string): Promise<T>;
}

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [seconds: number, value: string];
}

export interface PrometheusOptions {
  readonly cluster: Cluster;
  readonly podMonitors: readonly KubeObject[];
  readonly rules: readonly KubeObject[];
}

const INTERVAL = '2s';

export async function startPrometheus({ cluster, podMonitors, rules }: PrometheusOptions): Promise<Prometheus> {
  const binary = (await ensureTools()).path('prometheus');
  const workspace = createWorkspace('prometheus');
  const { folder } = workspace;
  await mkdir(join(folder, 'tls'), { mode: 0o700 });
  const groups = rules.flatMap(({ spec }) => spec.groups);
  await writeFile(join(folder, 'rules.yml'), JSON.stringify({ groups }));
  const config = {
    global: { scrape_interval: INTERVAL, scrape_timeout: INTERVAL, evaluation_interval: INTERVAL },
    rule_files: ['rules.yml'],
    scrape_configs: await Promise.all(podMonitors.map((monitor) => scrapeConfig(cluster, monitor, folder))),
  };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const url = `http://127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${new URL(url).host}`,
  ];
  const ready = async () => (await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(1_000) })).ok;
  const managed = new ManagedProcess({ name: 'prometheus', command: binary, args, ready }, workspace);
  await managed.start();
  const api = <T>(path: string) => ask<T>(`${url}/api/v1/${path}`);
  return {
    api,
    query: async (expression) =>
      (await api<{ result: readonly QueryResult[] }>(`query?query=${encodeURIComponent(expression)}`)).result,
    [Symbol.asyncDispose]: () => managed[Symbol.asyncDispose](),
  };
}

async function ask<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const answer = (await response.json()) as { status: string; data: T; error?: string };
  if (answer.status !== 'success') throw new Error(`Prometheus says: ${answer.error}`);
  return answer.data;
}

async function scrapeConfig(cluster: Cluster, monitor: KubeObject, folder: string): Promise<object> {
  const { selector, namespaceSelector, podMetricsEndpoints } = monitor.spec;
  const [endpoint] = podMetricsEndpoints;
  const labels = Object.entries(selector.matchLabels).map(([name, value]) => `${name}=${value}`);
  return {
    job_name: `podMonitor/${monitor.metadata.namespace}/${monitor.metadata.name}`,
    scheme: 'https',
    ...(await accessOf(cluster, folder)),
    kubernetes_sd_configs: [
      {
        role: 'pod',
        kubeconfig_file: cluster.kubeconfig,
        namespaces: { names: namespaceSelector.matchNames },
        selectors: [{ role: 'pod', label: labels.join(',') }],
      },
    ],
    relabel_configs: [
      { action: 'keep', source_labels: ['__meta_kubernetes_pod_container_port_name'], regex: endpoint.port },
      { action: 'drop', source_labels: ['__meta_kubernetes_pod_phase'], regex: '(Failed|Succeeded)' },
      { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
      { source_labels: ['__meta_kubernetes_pod_container_name'], target_label: 'container' },
      { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
      ...endpoint.relabelings.map(toRelabelConfig),
      ...throughApiServer(cluster, endpoint.path),
    ],
  };
}

/** The Prometheus operator writes these in camelCase. */
function toRelabelConfig(relabeling: Readonly<Record<string, unknown>>): object {
  const names = Object.entries(relabeling).map(([key, value]) => [
    key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(names);
}

function throughApiServer(cluster: Cluster, path: string): readonly object[] {
  const parts = ['namespace', 'pod_name', 'pod_container_port_number'].map((part) => `__meta_kubernetes_${part}`);
  const proxied = `/api/v1/namespaces/\${1}/pods/\${2}:\${3}/proxy${path}`;
  return [
    { source_labels: ['__address__'], target_label: 'instance' },
    {
      source_labels: parts,
      separator: '/',
      regex: '(.+)/(.+)/(.+)',
      target_label: '__metrics_path__',
      replacement: proxied,
    },
    { target_label: '__address__', replacement: new URL(cluster.admin.url).host },
  ];
}

async function accessOf(cluster: Cluster, folder: string): Promise<object> {
  const { authority, credentials } = cluster.admin;
  const file = async (name: string, text: string) => {
    const path = join(folder, 'tls', name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const tls = { ca_file: await file('ca.crt', authority) };
  if ('token' in credentials) return { tls_config: tls, authorization: { credentials: credentials.token } };
  const certificate = {
    cert_file: await file('tls.crt', credentials.certificate),
    key_file: await file('tls.key', credentials.key),
  };
  return { tls_config: { ...tls, ...certificate } };
}
