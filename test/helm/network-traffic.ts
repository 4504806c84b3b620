/** Pods and addresses that the allow matrix speaks of, and what cyclonus says of the traffic between two of them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Components } from '../../helm/traits.ts';
import { runCommand } from '../cluster/run-command.ts';
import { allNames, chartComponents } from '../harness/chart-traits.ts';
import type { Manifest } from './render.ts';

export interface Peer {
  readonly ip: string;
  /** Undefined outside of the cluster. */
  readonly pod?: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
}

export interface Port {
  readonly number: number;
  readonly protocol: 'TCP' | 'UDP';
}

const COMPONENTS = chartComponents();
/** Pods of the release that are no component. */
const OTHERS = ['etcd', 'setup', 'etcd-maintenance', 'event-bus-maintenance', 'test'];
const OWN = ownOf(COMPONENTS);
const NAMESPACE = 'mcp2-system';

/** Whom the API server's address belongs to, when the values name it. */
export const API_SERVER_IP = '203.0.113.1';

export const PEERS: ReadonlyMap<string, Peer> = peersOf(COMPONENTS);

/** Of a release with these components. */
export function peersOf(components: Components): ReadonlyMap<string, Peer> {
  return new Map([
    ...ownOf(components).map((component, i) => [component, pod(`10.244.1.${i + 1}`, NAMESPACE, component)] as const),
    ['neighbour', { ip: '10.244.1.100', pod: { namespace: NAMESPACE, labels: { app: 'other' } } }],
    ['client', { ip: '10.244.2.1', pod: { namespace: 'agents', labels: { app: 'agent' } } }],
    ['monitoring', { ip: '10.244.2.2', pod: { namespace: 'monitoring', labels: { app: 'prometheus' } } }],
    ['dns', { ip: '10.244.2.3', pod: { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } } }],
    ['api-server', { ip: API_SERVER_IP }],
    ['internet', { ip: '198.51.100.7' }],
    ['metadata', { ip: '169.254.169.254' }],
  ]);
}

/** Those that are listened on, and others. */
export const PORTS: readonly Port[] = portsOf(COMPONENTS);

/** With those of these components. */
export function portsOf(components: Components): readonly Port[] {
  const own = [...components.values()].flatMap(({ port }) => port ?? []);
  const numbers = [53, 80, 443, 2379, 2380, 2381, 5432, 6443, 8443, 9090, ...own];
  return [{ number: 53, protocol: 'UDP' }, ...numbers.map((number) => ({ number, protocol: 'TCP' as const }))];
}

/** At a time: each is answered by a drawing of some kilobytes, and of a command's output one megabyte is kept. */
const QUERIES = 100;

export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly port: Port;
}

/** Every peer to every other one and to another pod of its kind, on every port; not where both are strangers. Nobody calls from `metadata`. */
export function allFlows(): readonly Flow[] {
  const names = [...PEERS.keys()];
  return names
    .filter((from) => from !== 'metadata')
    .flatMap((from) =>
      names
        .filter((to) => OWN.includes(from) || OWN.includes(to))
        .flatMap((to) => PORTS.map((port) => ({ from, to, port }))),
    );
}

export function isOwn(name: string): boolean {
  return OWN.includes(name);
}

/** "registry -> etcd 2379/TCP" */
export function describeFlow({ from, to, port: { number, protocol } }: Flow): string {
  return `${from} -> ${to} ${number}/${protocol}`;
}

/** The flows that these policies allow, in their order. @throws Error with what cyclonus says. */
export async function allowedFlows(
  cyclonus: string,
  policies: readonly Manifest[],
  flows: readonly Flow[],
  peers: ReadonlyMap<string, Peer> = PEERS,
): Promise<readonly Flow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-policies-'));
  try {
    // A file each: of one with several documents cyclonus reads the first.
    await mkdir(join(folder, 'policies'));
    for (const [i, policy] of policies.entries()) {
      await writeFile(join(folder, 'policies', `${i}.yaml`), JSON.stringify(policy));
    }
    const allowed: Flow[] = [];
    for (let i = 0; i < flows.length; i += QUERIES) {
      const some = flows.slice(i, i + QUERIES);
      const verdicts = await judge(
        cyclonus,
        folder,
        some.map((flow) => trafficOf(flow, peers)),
      );
      allowed.push(...some.filter((_flow, index) => verdicts[index]));
    }
    return allowed;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function judge(cyclonus: string, folder: string, flows: readonly object[]): Promise<readonly boolean[]> {
  const file = join(folder, 'traffic.json');
  await writeFile(file, JSON.stringify(flows));
  const policies = ['--policy-path', join(folder, 'policies')];
  const drawing = await runCommand(cyclonus, [
    'analyze',
    '--mode',
    'query-traffic',
    ...policies,
    '--traffic-path',
    file,
  ]);
  const verdicts = [...drawing.matchAll(/IS ALLOWED\?\s*\|\s*(TRUE|FALSE)/g)].map(([, word]) => word === 'TRUE');
  if (verdicts.length !== flows.length) throw new Error(`cyclonus judged ${verdicts.length} of ${flows.length} flows`);
  return verdicts;
}

function trafficOf({ from, to, port }: Flow, peers: ReadonlyMap<string, Peer>) {
  return {
    Source: trafficPeer(from, peers),
    Destination: trafficPeer(to, peers),
    ResolvedPort: port.number,
    ResolvedPortName: '',
    Protocol: port.protocol,
  };
}

function trafficPeer(name: string, peers: ReadonlyMap<string, Peer>) {
  const peer = peers.get(name);
  if (peer === undefined) throw new Error(`nobody is called ${name}`);
  const { ip, pod: internal } = peer;
  if (internal === undefined) return { IP: ip };
  const { namespace, labels } = internal;
  const NamespaceLabels = { 'kubernetes.io/metadata.name': namespace };
  return { IP: ip, Internal: { Namespace: namespace, PodLabels: labels, NamespaceLabels } };
}

function ownOf(components: Components): string[] {
  return [...allNames(components), ...OTHERS];
}

function pod(ip: string, namespace: string, component: string): Peer {
  const labels = {
    'app.kubernetes.io/name': 'mcp2',
    'app.kubernetes.io/instance': 'mcp2',
    'app.kubernetes.io/component': component,
  };
  return { ip, pod: { namespace, labels } };
}
