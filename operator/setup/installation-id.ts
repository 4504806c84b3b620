/** What tells this installation from others: a setting, or the uid of namespace kube-system, as the operator has it. */
import { type KubeObject, NAMESPACES } from '../kube/object.ts';
import type { SetupConfig } from './config.ts';
import type { ObjectAccess } from './owned-object.ts';
import { explainRefusal, SetupError } from './setup-error.ts';

/** @throws SetupError, KubeApiError */
export async function readInstallationId(
  { installationId }: Pick<SetupConfig, 'installationId'>,
  { api, signal }: Pick<ObjectAccess, 'api' | 'signal'>,
): Promise<string> {
  if (installationId !== undefined) return installationId;
  const name = { name: 'kube-system' };
  const found = await api.get<KubeObject>(NAMESPACES, name, { signal }).catch((error: unknown) => {
    throw explainRefusal(error, 'get', NAMESPACES, name);
  });
  if (found.metadata.uid) return found.metadata.uid;
  throw new SetupError('namespace kube-system has no uid: set an installation id');
}
