/**
 * A process that owns a cluster until it is killed: `node cluster-owner.ts`. It prints one line of JSON when the
 * cluster serves.
 */
import { dirname } from 'node:path';
import { startCluster } from '../cluster/cluster.ts';

export interface OwnedCluster {
  readonly folder: string;
  readonly kubeconfig: string;
}

if (import.meta.main) {
  const { kubeconfig, nodes } = await startCluster({ volumesPerNode: 0, say: () => {} });
  // What is paused when the owner is killed must go as well.
  nodes[0]?.signal('kube-proxy', 'SIGSTOP');
  const owned: OwnedCluster = { folder: dirname(kubeconfig), kubeconfig };
  process.stdout.write(`${JSON.stringify(owned)}\n`);
  setInterval(() => {}, 3_600_000);
}
