/**
 * What a cluster has beside its components: CoreDNS, a StorageClass, PersistentVolumes.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../harness/eventually.ts';
import type { KubeClient, KubeObjectReference } from '../harness/kube-client.ts';
import { CLUSTER_DOMAIN, DNS_SERVICE_ADDRESS, type NodePlan } from './cluster-plan.ts';

export const STORAGE_CLASS = 'standard';

/** DNS runs on the first node, so that the loss of another one is not the loss of DNS. */
export async function applyDns(kube: KubeClient, node: string): Promise<void> {
  for (const object of dnsObjects(node)) await kube.apply(object);
}

export async function untilDnsServes(kube: KubeClient): Promise<void> {
  const reference = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns', namespace: 'kube-system' },
  };
  await eventually(
    () => kube.get(reference),
    ({ status }) => status?.availableReplicas === 1,
    { what: 'CoreDNS available', timeoutMs: 60_000, intervalMs: 100 },
  );
}

/** The default class. A volume is chosen when a pod that wants it is placed, since each belongs to a node. */
export async function applyStorageClass(kube: KubeClient): Promise<void> {
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  const metadata = { name: STORAGE_CLASS, annotations };
  const behaviour = { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' };
  await kube.apply({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata,
    ...behaviour,
  } as KubeObjectReference);
}

/** Kind `local`, not `hostPath`: only that one gives the files to the pod's fsGroup. */
export async function createVolume(kube: KubeClient, node: NodePlan, name: string): Promise<void> {
  const path = join(node.folder, 'volumes', name);
  await mkdir(path, { recursive: true });
  const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [node.name] };
  const spec = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: STORAGE_CLASS,
    local: { path },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
  };
  await kube.apply({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec } as KubeObjectReference);
}

function dnsObjects(node: string): KubeObjectReference[] {
  const name = 'coredns';
  const metadata = { name, namespace: 'kube-system' };
  const labels = { 'k8s-app': 'kube-dns' };
  const rbac = 'rbac.authorization.k8s.io';
  const read = (group: string, resources: string[]) => ({ apiGroups: [group], resources, verbs: ['list', 'watch'] });
  const rules = [
    read('', ['endpoints', 'services', 'pods', 'namespaces']),
    read('discovery.k8s.io', ['endpointslices']),
  ];
  const container = {
    name,
    image: 'localhost/coredns:1',
    imagePullPolicy: 'Never',
    args: ['-conf', '/etc/coredns/Corefile'],
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns' }],
    readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
  };
  const pod = {
    serviceAccountName: name,
    // Its own resolver would be itself.
    dnsPolicy: 'Default',
    nodeSelector: { 'kubernetes.io/hostname': node },
    priorityClassName: 'system-cluster-critical',
    containers: [container],
    volumes: [{ name: 'config', configMap: { name } }],
  };
  const port = (protocol: string) => ({ name: `dns-${protocol.toLowerCase()}`, port: 53, targetPort: 5353, protocol });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: COREFILE } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: 'kube-dns' },
      spec: { clusterIP: DNS_SERVICE_ADDRESS, selector: labels, ports: [port('UDP'), port('TCP')] },
    },
  ] as KubeObjectReference[];
}

/** Nothing outside is resolved: the nodes have no way out. */
const COREFILE = `.:5353 {
  errors
  health
  ready
  kubernetes ${CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {
    pods insecure
  }
  cache 5
}
`;
