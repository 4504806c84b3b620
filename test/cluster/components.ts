/**
 * How each part of Kubernetes is started on a test node: arguments and configuration files. Pure, but for what a
 * part's own documentation does not say and had to be found out, which the comments tell.
 */

import { join } from 'node:path';
import type { ClusterPki } from './cluster-pki.ts';
import {
  APISERVER_PORT,
  CLUSTER_DOMAIN,
  type Component,
  DNS_SERVICE_ADDRESS,
  type NodePlan,
  POD_RANGE,
  SERVICE_RANGE,
} from './cluster-plan.ts';

export interface ComponentInput {
  readonly node: NodePlan;
  readonly pki: ClusterPki;
  /** Folder of the built binaries. */
  readonly bin: string;
  readonly nodeMonitorGracePeriodSeconds: number;
  readonly podEvictionSeconds: number;
}

export interface ComponentStart {
  readonly component: Component;
  readonly args: readonly string[];
  /** Files to write before, by absolute path. */
  readonly files: Readonly<Record<string, string>>;
}

/** Inside the node; the folder lies in the node's own /run. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const ETCD_URL = 'http://127.0.0.1:2379';
/** The node's own resolver file; pods with dnsPolicy Default get it. Nobody listens there. */
const RESOLVER = 'nameserver 127.0.0.53\n';

export function etcd({ node }: ComponentInput): ComponentStart {
  const args = [
    `--data-dir=${join(node.folder, 'etcd')}`,
    `--listen-client-urls=${ETCD_URL}`,
    `--advertise-client-urls=${ETCD_URL}`,
    '--listen-peer-urls=http://127.0.0.1:2380',
    // A killed process loses nothing by it, only a machine without power would.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
  return { component: 'etcd', args, files: {} };
}

export function kubeApiserver({ node, pki, podEvictionSeconds }: ComponentInput): ComponentStart {
  const args = [
    `--etcd-servers=${ETCD_URL}`,
    '--bind-address=0.0.0.0',
    // Also the endpoint of the Service "kubernetes", so it must not be loopback.
    `--advertise-address=${node.address}`,
    `--secure-port=${APISERVER_PORT}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--tls-cert-file=${pki.apiserver.certificateFile}`,
    `--tls-private-key-file=${pki.apiserver.keyFile}`,
    `--client-ca-file=${pki.authority.certificateFile}`,
    `--service-account-issuer=https://kubernetes.default.svc.${CLUSTER_DOMAIN}`,
    `--service-account-key-file=${pki.serviceAccountPublicKeyFile}`,
    `--service-account-signing-key-file=${pki.serviceAccountKeyFile}`,
    '--authorization-mode=Node,RBAC',
    `--kubelet-client-certificate=${pki.admin.certificateFile}`,
    `--kubelet-client-key=${pki.admin.keyFile}`,
    // By default it resolves the node's name first, for which there is no server: logs and exec would fail.
    '--kubelet-preferred-address-types=InternalIP',
    `--default-not-ready-toleration-seconds=${podEvictionSeconds}`,
    `--default-unreachable-toleration-seconds=${podEvictionSeconds}`,
    '--allow-privileged=true',
    '--profiling=false',
    `--cert-dir=${join(node.folder, 'apiserver')}`,
  ];
  return { component: 'kube-apiserver', args, files: {} };
}

export function kubeControllerManager(input: ComponentInput): ComponentStart {
  const { node, pki, nodeMonitorGracePeriodSeconds } = input;
  const args = [
    `--kubeconfig=${pki.kubeconfig('kube-controller-manager')}`,
    `--service-account-private-key-file=${pki.serviceAccountKeyFile}`,
    `--root-ca-file=${pki.authority.certificateFile}`,
    `--cluster-signing-cert-file=${pki.authority.certificateFile}`,
    `--cluster-signing-key-file=${pki.authorityKeyFile}`,
    '--use-service-account-credentials',
    `--cluster-cidr=${POD_RANGE}`,
    '--allocate-node-cidrs=false',
    '--leader-elect=false',
    // Each controller first makes itself a token; at the usual 20 requests a second that alone takes five seconds.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    `--node-monitor-grace-period=${nodeMonitorGracePeriodSeconds}s`,
    '--node-monitor-period=1s',
    `--cert-dir=${join(node.folder, 'kube-controller-manager')}`,
  ];
  return { component: 'kube-controller-manager', args, files: {} };
}

export function kubeScheduler({ node, pki }: ComponentInput): ComponentStart {
  const args = [
    `--kubeconfig=${pki.kubeconfig('kube-scheduler')}`,
    '--leader-elect=false',
    `--cert-dir=${join(node.folder, 'kube-scheduler')}`,
  ];
  return { component: 'kube-scheduler', args, files: {} };
}

export function containerd({ node, bin }: ComponentInput): ComponentStart {
  const file = join(node.folder, 'containerd.toml');
  const network = join(node.folder, 'cni');
  const quote = (text: string) => JSON.stringify(text);
  const config = `version = 3
root = ${quote(join(node.folder, 'containerd'))}
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
  address = ${quote(CONTAINERD_SOCKET)}
# It would make /opt/containerd on the host.
[plugins.'io.containerd.internal.v1.opt']
  path = ${quote(join(node.folder, 'opt'))}
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "localhost/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  enable_selinux = false
  # Inside a container or a small virtual machine root may not lower it, and every sandbox would fail with
  # "can't get final child's PID from pipe".
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [${quote(join(bin, 'cni'))}]
    conf_dir = ${quote(network)}
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
  const files = { [file]: config, [join(network, '10-pods.conflist')]: podNetwork(node) };
  return { component: 'containerd', args: ['--config', file], files };
}

/** ptp routes every packet through the node, so that Services work between pods of one node without br_netfilter. */
function podNetwork({ folder, podRange }: NodePlan): string {
  const addresses = {
    type: 'host-local',
    ranges: [[{ subnet: podRange }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: join(folder, 'addresses'),
  };
  const plugins = [
    { type: 'ptp', ipMasq: false, ipam: addresses },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  return JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins }, undefined, 2);
}

export function kubelet({ node, pki, nodeMonitorGracePeriodSeconds }: ComponentInput): ComponentStart {
  const path = (...parts: string[]) => join(node.folder, ...parts);
  const certificate = pki.kubelets.get(node.name);
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // Kubelets that share a root of control groups delete each other's pods' groups every two seconds.
    cgroupRoot: `/${node.controlGroup}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    clusterDNS: [DNS_SERVICE_ADDRESS],
    clusterDomain: CLUSTER_DOMAIN,
    resolvConf: path('resolv.conf'),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki.authority.certificateFile },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: certificate?.certificateFile,
    tlsPrivateKeyFile: certificate?.keyFile,
    podLogsDir: path('pods'),
    volumePluginDir: path('volume-plugins'),
    // It says that it lives four times in this span; three may get lost before it counts as silent.
    nodeLeaseDurationSeconds: nodeMonitorGracePeriodSeconds,
    // No registry to fetch an image from again: nothing may evict one.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '100Mi' },
    shutdownGracePeriod: '0s',
  };
  const files = { [path('kubelet.json')]: JSON.stringify(config, undefined, 2), [path('resolv.conf')]: RESOLVER };
  const args = [
    `--config=${path('kubelet.json')}`,
    `--kubeconfig=${pki.kubeconfig(`kubelet-${node.name}`)}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
    `--root-dir=${path('kubelet')}`,
    `--cert-dir=${path('kubelet-certificates')}`,
  ];
  return { component: 'kubelet', args, files };
}

export function kubeProxy({ node, pki }: ComponentInput): ComponentStart {
  const args = [
    `--kubeconfig=${pki.kubeconfig('kube-proxy')}`,
    '--proxy-mode=nftables',
    `--cluster-cidr=${POD_RANGE}`,
    `--hostname-override=${node.name}`,
    // The limit belongs to the whole machine, not to the namespace.
    '--conntrack-max-per-core=0',
  ];
  return { component: 'kube-proxy', args, files: {} };
}
