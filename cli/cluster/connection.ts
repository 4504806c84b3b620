/** How a command reaches the API server: as kubectl does, and inside a pod as its ServiceAccount. */
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import { findKube } from '#lib/kube/connect.ts';
import type { KubeConnection } from '#lib/kube/credentials.ts';
import { onOneLine } from '#lib/printable.ts';
import { CommandFailed } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { kubeconfigFiles } from './kubeconfig-files.ts';

const MAX_KUBECONFIG_BYTES = 4 * 1024 * 1024;

export interface ClusterOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** @throws CommandFailed that says what to do. */
export async function connectCluster(options: ClusterOptions, terminal: Terminal): Promise<KubeConnection> {
  const { clock, env } = terminal;
  const files = kubeconfigFiles(options.kubeconfig, terminal);
  for (const file of files) requireReadable(file);
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

/** The client reads it by itself: a pipe would hold it up. One that is absent is its affair, too. */
function requireReadable(file: string): void {
  try {
    readForeignFileSync(file, { maxBytes: MAX_KUBECONFIG_BYTES });
  } catch (error) {
    if (!(error instanceof ForeignFileError) || error.fault === 'ABSENT') return;
    throw new CommandFailed(`the kubeconfig ${onOneLine(file)} cannot be read: ${error.message}`, { cause: error });
  }
}
