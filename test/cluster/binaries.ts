/**
 * What the tests' Kubernetes is made of: one line a binary, all built from the modules that go.mod pins.
 *
 * The list is data, so that a level adds its own. A binary's place in the cache follows from everything that
 * decides its bytes (see `cache.ts`); nothing here reads the file system.
 */

export interface Binary {
  /** File name in the cache's bin folder; may have a folder of its own, as in "cni/ptp". */
  readonly name: string;
  /** Go package path. Its version is the one that go.mod pins. */
  readonly package: string;
  /** Build tags. */
  readonly tags?: readonly string[];
  /** Needs a C compiler. Default false: a static binary runs on any machine of its kind. */
  readonly cgo?: boolean;
  /** One that the machine has may take its place. Default: it is always built. */
  readonly machine?: MachineBinary;
}

/** How a binary that somebody else built says its version, which must be of the minor version that go.mod pins. */
export interface MachineBinary {
  readonly args: readonly string[];
  /** The first group is the version, without a "v". */
  readonly says: RegExp;
  /** envtest brings it along, so it is expected in KUBEBUILDER_ASSETS. */
  readonly envtest?: boolean;
  /** The version it calls itself by, from that of its Go module. Default: the same without the "v". */
  readonly released?: (moduleVersion: string) => string;
}

/** First level: all that `npm test` builds. */
export const CONTROL_PLANE: readonly Binary[] = [
  {
    name: 'etcd',
    package: 'go.etcd.io/etcd/server/v3',
    machine: { args: ['--version'], says: /^etcd Version: (\S+)/m, envtest: true },
  },
  {
    name: 'kube-apiserver',
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
    machine: { args: ['--version'], says: /^Kubernetes v(\S+)/m, envtest: true },
  },
];

/** For `npm run test:chart`, and for people who look into a cluster. */
export const KUBECTL: readonly Binary[] = [
  {
    name: 'kubectl',
    package: 'k8s.io/kubernetes/cmd/kubectl',
    machine: { args: ['version', '--client'], says: /^Client Version: v(\S+)/m, envtest: true },
  },
];

/** Renders the chart and installs it. */
export const HELM: readonly Binary[] = [
  {
    name: 'helm',
    package: 'helm.sh/helm/v4/cmd/helm',
    machine: { args: ['version', '--short'], says: /^v([\d.]+)/m },
  },
];

/** Beside the event bus in its benchmarks. In no level, so that who runs those alone builds it alone. */
export const NATS: readonly Binary[] = [
  {
    name: 'nats-server',
    package: 'github.com/nats-io/nats-server/v2',
    machine: { args: ['--version'], says: /^nats-server: v([\d.]+)/m },
  },
];

const CNI_PLUGINS = 'github.com/containernetworking/plugins/plugins';
const CONTAINERD = 'github.com/containerd/containerd/v2/cmd';

/** Second level: what turns a control plane into a cluster whose nodes run pods. `startCluster()` needs all four lists. */
export const NODE: readonly Binary[] = [
  { name: 'etcdctl', package: 'go.etcd.io/etcd/etcdctl/v3' },
  { name: 'etcdutl', package: 'go.etcd.io/etcd/etcdutl/v3' },
  { name: 'kube-controller-manager', package: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  { name: 'kube-scheduler', package: 'k8s.io/kubernetes/cmd/kube-scheduler' },
  { name: 'kubelet', package: 'k8s.io/kubernetes/cmd/kubelet' },
  { name: 'kube-proxy', package: 'k8s.io/kubernetes/cmd/kube-proxy' },
  { name: 'containerd', package: `${CONTAINERD}/containerd`, tags: ['no_btrfs', 'no_zfs', 'no_devmapper'] },
  { name: 'containerd-shim-runc-v2', package: `${CONTAINERD}/containerd-shim-runc-v2` },
  { name: 'ctr', package: `${CONTAINERD}/ctr`, tags: ['no_btrfs', 'no_zfs'] },
  // Pods ask for the RuntimeDefault seccomp profile, and only libseccomp, which is C, can load one.
  { name: 'runc', package: 'github.com/opencontainers/runc', tags: ['seccomp'], cgo: true },
  { name: 'cni/ptp', package: `${CNI_PLUGINS}/main/ptp` },
  { name: 'cni/loopback', package: `${CNI_PLUGINS}/main/loopback` },
  { name: 'cni/host-local', package: `${CNI_PLUGINS}/ipam/host-local` },
  { name: 'cni/portmap', package: `${CNI_PLUGINS}/meta/portmap` },
  { name: 'coredns', package: 'github.com/coredns/coredns' },
  { name: 'pause', package: './pause' },
];

/** Everything that go.mod builds. It decides the cache folder, so that all levels share one (see `cache.ts`). */
export const CATALOGUE: readonly Binary[] = [...CONTROL_PLANE, ...KUBECTL, ...HELM, ...NODE];

/** The oldest Go that builds go.mod. */
export const MINIMUM_GO_VERSION = '1.26.6';

/**
 * Arguments of `go build` for one binary, without the output file.
 *
 * gitVersion and its two parts must be set by the linker: without them the API server calls itself v0.0.0, and
 * whatever compares versions (Helm's kubeVersion, a client's feature gates) refuses it.
 */
export function buildArguments(binary: Binary, kubernetesVersion: string): string[] {
  const [major = '', minor = ''] = kubernetesVersion.replace(/^v/, '').split('.');
  const version = 'k8s.io/component-base/version';
  const linkerFlags = [
    '-s -w',
    `-X ${version}.gitVersion=${kubernetesVersion}`,
    `-X ${version}.gitMajor=${major}`,
    `-X ${version}.gitMinor=${minor}`,
  ].join(' ');
  return ['build', '-trimpath', '-mod=readonly', '-ldflags', linkerFlags, '-tags', (binary.tags ?? []).join(',')];
}

/** The version of k8s.io/kubernetes that a go.mod pins, for example "v1.37.2". @throws Error when it pins none. */
export function kubernetesVersionOf(goMod: string): string {
  const version = /^\s*k8s\.io\/kubernetes (v[^\s]+)/m.exec(goMod)?.[1];
  if (version === undefined) throw new Error('test/cluster/go.mod does not require k8s.io/kubernetes');
  return version;
}

/** The version of the module that has this package, for example "v3.7.3"; undefined for Go's own and for ours. */
export function moduleVersionOf(goMod: string, goPackage: string): string | undefined {
  const required = [...goMod.matchAll(/^\s*(?:require )?(\S+\.\S+) (v\S+)/gm)];
  const [, , version] = required.find(([, module]) => `${goPackage}/`.startsWith(`${module}/`)) ?? [];
  return version;
}
