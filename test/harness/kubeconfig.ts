/**
 * Kubeconfig files for tests: written with everything inline, so that a file works from any folder.
 */

import { writeFile } from 'node:fs/promises';

export type KubeCredentials =
  | { readonly token: string }
  /** PEM. */
  | { readonly certificate: string; readonly key: string };

export interface KubeAccess {
  /** For example "https://127.0.0.1:16443". */
  readonly url: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly authority: string;
  readonly credentials: KubeCredentials;
}

/** JSON is YAML; kubectl and every client read it. */
export function kubeconfigText({ url, authority, credentials }: KubeAccess): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const user =
    'token' in credentials
      ? { token: credentials.token }
      : { 'client-certificate-data': base64(credentials.certificate), 'client-key-data': base64(credentials.key) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  return JSON.stringify(config, undefined, 2);
}

export async function writeKubeconfig(path: string, access: KubeAccess): Promise<string> {
  await writeFile(path, kubeconfigText(access), { mode: 0o600 });
  return path;
}
