/**
 * Holds the Services of a cluster against docs/network-policy.md: what the tests' pods call must be allowed by a row, and by the
 * policies that the release really has. The network of the tests' own nodes enforces none, so nothing else would notice.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { ensureTools } from '../cluster/tools.ts';
import { namesOf } from '../harness/chart-traits.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { inTable, readTable } from '../helm/allow-table.ts';
import { allowedFlows, type Flow, PEERS, type Peer } from '../helm/network-traffic.ts';
import { getJson, ROOT } from './release.ts';

const COMPONENT = 'app.kubernetes.io/component';
/** Of the cluster itself. */
const NOT_OURS = ['kube-system', 'default'];
/** Who calls what the release serves. */
const CLIENT = 'client';

interface Target {
  /** "shop/stock-db". */
  readonly service: string;
  readonly pod: Peer;
  /** Of a pod of the release; else a stranger. */
  readonly component: string | undefined;
  readonly port: number;
}

/**
 * "namespace/service port" of each Service with pods that nobody may call who should: what is the release's own, anybody; a server
 * that an Mcp2Server names, the operator; any other stranger is a database, and the context-tool's.
 */
export async function servicesWithoutRow(cluster: Cluster): Promise<readonly string[]> {
  const targets = await targetsOf(cluster);
  const servers = await serversOf(cluster);
  const rows = readTable(await readFile(join(ROOT, 'docs/network-policy.md'), 'utf8'));
  const { items: policies } = await getJson<List>(cluster, 'networkpolicies', '--all-namespaces');
  const cyclonus = (await ensureTools()).path('cyclonus');
  const missing: string[] = [];
  for (const target of targets) {
    // A stranger is called as somebody in a namespace of his own: the table knows him as one of its strangers.
    const to = target.component ?? CLIENT;
    const port = { number: target.port, protocol: 'TCP' } as const;
    const flows = callersOf(target, servers).map((from): Flow => ({ from, to, port }));
    const peers = new Map([...PEERS, [to, target.pod] as const]);
    const allowed = await allowedFlows(cyclonus, policies, flows.filter(inTable(rows)), peers);
    if (allowed.length === 0) missing.push(`${target.service} ${target.port}`);
  }
  return missing;
}

function callersOf({ component, service }: Target, servers: readonly string[]): readonly string[] {
  if (component !== undefined) return [...PEERS.keys()].filter((from) => from !== 'metadata');
  return servers.includes(service) ? ['operator'] : namesOf('contextTool');
}

/** "namespace/service" of every Mcp2Server with a Service. */
async function serversOf(cluster: Cluster): Promise<readonly string[]> {
  const { items } = await getJson<List>(cluster, 'mcp2servers', '--all-namespaces');
  return items.map(({ metadata, spec }) => `${metadata.namespace}/${spec.source.service?.name}`);
}

interface List {
  readonly items: readonly KubeObject[];
}

async function targetsOf(cluster: Cluster): Promise<readonly Target[]> {
  const { items: slices } = await getJson<List>(cluster, 'endpointslices', '--all-namespaces');
  const { items: pods } = await getJson<List>(cluster, 'pods', '--all-namespaces');
  const ours = slices.filter(({ metadata }) => !NOT_OURS.includes(metadata.namespace ?? ''));
  return ours.flatMap(({ metadata, endpoints, ports }) => {
    const [endpoint] = endpoints ?? [];
    const pod = pods.find(
      (one) =>
        one.metadata.name === endpoint?.targetRef?.name && one.metadata.namespace === endpoint?.targetRef?.namespace,
    );
    if (pod === undefined) return [];
    const { labels = {}, namespace = '' } = pod.metadata;
    const isOfRelease = labels['app.kubernetes.io/part-of'] === 'mcp2';
    const service = metadata.labels?.['kubernetes.io/service-name'];
    return (ports as readonly { readonly port: number }[]).map(({ port }) => ({
      service: `${namespace}/${service}`,
      pod: { ip: endpoint.addresses[0] as string, pod: { namespace, labels } },
      component: isOfRelease ? labels[COMPONENT] : undefined,
      port,
    }));
  });
}
