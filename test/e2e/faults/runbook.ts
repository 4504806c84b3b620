/** Runs the commands of a runbook as they are written there, so that the page is what is tested. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Cluster } from '../../cluster/cluster.ts';
import { runCommand } from '../../cluster/run-command.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The blocks of commands, in order. @param name for example "etcd-backup-restore". */
export async function readRunbook(name: string): Promise<string[]> {
  const page = await readFile(join(ROOT, 'docs/runbooks', `${name}.md`), 'utf8');
  return [...page.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)].map(([, , text = '']) => text.trim());
}

/** With the cluster's kubectl, helm and kubeconfig, in the checkout's folder. @returns Standard output. */
export function runAsWritten(cluster: Cluster, commands: string): Promise<string> {
  const folders = ['kubectl', 'helm'].map((name) => dirname(cluster.binaries.path(name)));
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: [...folders, process.env.PATH].join(':') };
  return runCommand('bash', ['-euo', 'pipefail', '-c', commands], { cwd: ROOT, env });
}
