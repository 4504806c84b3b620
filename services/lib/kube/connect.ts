/** The API server as a process reaches it: by the kubeconfig files that are named, or inside a pod as its ServiceAccount. */
import type { Clock } from '#lib/clock.ts';
import { ConfigError, type EnvReader } from '#lib/config/env-reader.ts';
import { type KubeConnection, readInClusterConnection } from './credentials.ts';
import { readKubeconfigConnection } from './kubeconfig.ts';

export interface KubeLocation {
  /** Outside a cluster: a kubeconfig file, or several as kubectl merges them. */
  readonly kubeconfig?: string | readonly string[] | undefined;
  /** Default: the current context of the first file that names one. */
  readonly context?: string | undefined;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which every pod has. */
  readonly host: string | undefined;
  readonly port: string | undefined;
}

export interface KubeSettings extends KubeLocation {
  /** Where the kubeconfig file is named. */
  readonly kubeconfigVariable: string;
}

export function readKubeSettings(read: EnvReader, kubeconfigVariable: string): KubeSettings {
  return {
    kubeconfig: read.file(kubeconfigVariable),
    kubeconfigVariable,
    host: read.optional('KUBERNETES_SERVICE_HOST'),
    port: read.optional('KUBERNETES_SERVICE_PORT'),
  };
}

/** @throws ConfigError when nothing says where the API server is, and UserError that says what to change in a file. */
export async function connectKube(settings: KubeSettings, clock: Clock): Promise<KubeConnection> {
  const connection = await findKube(settings, clock);
  if (connection !== undefined) return connection;
  const problem = `${settings.kubeconfigVariable} is required outside a cluster: the path of a kubeconfig file`;
  throw new ConfigError([problem]);
}

/** @returns undefined outside a cluster without a kubeconfig. @throws UserError that says what to change in a file. */
export async function findKube(location: KubeLocation, clock: Clock): Promise<KubeConnection | undefined> {
  const { kubeconfig: file, context, host, port } = location;
  if (file !== undefined && file.length > 0) return readKubeconfigConnection({ file, context, clock });
  return readInClusterConnection({ host, port, clock });
}
