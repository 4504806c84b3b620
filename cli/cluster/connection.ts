/** How a command reaches the API server: as kubectl does, and inside a pod as its ServiceAccount. */
import { findKube } from '#lib/kube/connect.ts';
import type { KubeConnection } from '#lib/kube/credentials.ts';
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
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
    const found = await findKube({ kubeconfig: files, context: options.context, host, port }, clock);
    if (found !== undefined) return found;
  } catch (error) {
    throw new CommandFailed(`the cluster cannot be reached: ${onOneLine((error as Error).message)}`, { cause: error });
  }
  throw new CommandFailed(
    'there is no kubeconfig: name one with --kubeconfig FILE or KUBECONFIG, or put it at ~/.kube/config',
  );
}
