/** How a command reaches the API server: as kubectl does, and inside a pod as its ServiceAccount. */
import { type KubeConnection, readInClusterConnection } from '../../operator/kube/credentials.ts';
import { readKubeconfigConnection } from '../../operator/kube/kubeconfig.ts';
import { CommandFailed } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { onOneLine } from '../text/printable.ts';
import { kubeconfigFiles } from './kubeconfig-files.ts';

export interface ClusterOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** @throws CommandFailed that says what to do. */
export async function connectCluster(options: ClusterOptions, terminal: Terminal): Promise<KubeConnection> {
  const { clock, env } = terminal;
  const files = kubeconfigFiles(options.kubeconfig, terminal);
  try {
    if (files.length > 0) return await readKubeconfigConnection({ file: files, context: options.context, clock });
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
    const inCluster = await readInClusterConnection({ host, port, clock });
    if (inCluster !== undefined) return inCluster;
  } catch (error) {
    throw new CommandFailed(`the cluster cannot be reached: ${onOneLine((error as Error).message)}`, { cause: error });
  }
  throw new CommandFailed(
    'there is no kubeconfig: name one with --kubeconfig FILE or KUBECONFIG, or put it at ~/.kube/config',
  );
}
