/** What tells this installation from others: a setting, or the uid of namespace kube-system, as the operator has it. */
import { KUBE_SYSTEM, readInstallationId } from '#lib/kube/installation-id.ts';
import { NAMESPACES } from '#lib/kube/object.ts';
import type { SetupConfig } from './config.ts';
import type { ObjectAccess } from './owned-object.ts';
import { explainRefusal } from './setup-error.ts';

/** @throws SetupError, KubeApiError, Error */
export async function installationIdOf(
  { installationId }: Pick<SetupConfig, 'installationId'>,
  { api, signal }: Pick<ObjectAccess, 'api' | 'signal'>,
): Promise<string> {
  if (installationId !== undefined) return installationId;
  return readInstallationId(api, signal).catch((error: unknown) => {
    throw explainRefusal(error, 'get', NAMESPACES, KUBE_SYSTEM);
  });
}
