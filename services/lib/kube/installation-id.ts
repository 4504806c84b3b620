/** What tells installations on one store apart, unless a setting says it: the uid of namespace kube-system. */
import type { KubeApi } from './api.ts';
import { type KubeObject, NAMESPACES } from './object.ts';

export const KUBE_SYSTEM = { name: 'kube-system' };

/** @throws KubeApiError, and Error when the namespace has no uid. */
export async function readInstallationId(api: Pick<KubeApi, 'get'>, signal: AbortSignal): Promise<string> {
  const { metadata } = await api.get<KubeObject>(NAMESPACES, KUBE_SYSTEM, { signal });
  if (metadata.uid) return metadata.uid;
  throw new Error('namespace kube-system has no uid: set an installation id');
}
