/**
 * Which kubeconfig files kubectl would read: `--kubeconfig`, else those of KUBECONFIG that exist, else ~/.kube/config.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { Terminal } from '../terminal.ts';

/** @returns nothing when there is none. A file that was named in an option is returned in any case. */
export function kubeconfigFiles(
  option: string | undefined,
  { env, homeFolder, workingFolder }: Pick<Terminal, 'env' | 'homeFolder' | 'workingFolder'>,
): readonly string[] {
  if (option !== undefined) return [resolve(workingFolder, option)];
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  const candidates = listed.length > 0 ? listed : [join(homeFolder, '.kube', 'config')];
  return candidates.map((file) => resolve(workingFolder, file)).filter((file) => existsSync(file));
}
