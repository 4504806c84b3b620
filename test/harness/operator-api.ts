/**
 * The operator's own API client, as a pod would have it: token and CA in files that a test may replace.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { createKubeApi, type KubeApi, type KubeApiOptions } from '#lib/kube/api.ts';
import { createTokenConnection } from '#lib/kube/credentials.ts';
import type { KubeAccess } from './kubeconfig.ts';
import { createWorkspace } from './processes.ts';

export interface OperatorApi extends AsyncDisposable {
  readonly api: KubeApi;
  readonly tokenFile: string;
  readonly caFile: string;
}

/** @throws Error when the access is not by bearer token. */
export async function connectOperatorApi(
  { url, authority, credentials }: KubeAccess,
  options: Partial<KubeApiOptions> = {},
): Promise<OperatorApi> {
  if (!('token' in credentials)) throw new Error('the operator authenticates by bearer token');
  const { folder } = createWorkspace('operator-api');
  const tokenFile = join(folder, 'token');
  const caFile = join(folder, 'ca.crt');
  await Promise.all([
    writeFile(tokenFile, `${credentials.token}\n`, { mode: 0o600 }),
    writeFile(caFile, authority, { mode: 0o600 }),
  ]);
  const clock = options.clock ?? systemClock;
  const connection = createTokenConnection({ server: url, namespace: 'default', tokenFile, caFile, clock });
  const api = createKubeApi({ connection, clock, random: Math.random, userAgent: 'mcp2-test', ...options });
  return { api, tokenFile, caFile, [Symbol.asyncDispose]: () => api.close() };
}
