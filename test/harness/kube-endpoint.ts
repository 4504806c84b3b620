/**
 * What a test needs to talk to an API server, in the process that started it or in any other.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type KubeAccess, writeKubeconfig } from './kubeconfig.ts';
import { openCertificateAuthority } from './pki.ts';

export interface KubeUser {
  readonly user: string;
  readonly groups?: readonly string[];
}

export interface KubeEndpoint {
  /** As a member of system:masters, with a bearer token (which passes through the fault proxy). */
  readonly admin: KubeAccess;
  /** A file for KUBECONFIG or `--kubeconfig`, with the same rights. */
  readonly adminKubeconfig: string;
  /**
   * Kubeconfig with a client certificate of this user, who needs no account. A fault proxy ends TLS, so through it
   * take a bearer token instead: the admin's or a ServiceAccount's (`serviceAccountToken` in kube-setup.ts).
   */
  kubeconfigFor(user: KubeUser): Promise<string>;
}

/** The part that travels between processes. */
export interface KubeEndpointAddress {
  readonly admin: KubeAccess;
  /** Files of the API server; its authority is in `pki`. */
  readonly folder: string;
}

export async function openKubeEndpoint({ admin, folder }: KubeEndpointAddress): Promise<KubeEndpoint> {
  const authority = await openCertificateAuthority(join(folder, 'pki'));
  const newFile = (name: string) => join(folder, `${name}-${randomBytes(4).toString('hex')}.kubeconfig`);
  return {
    admin,
    adminKubeconfig: await writeKubeconfig(newFile('admin'), admin),
    async kubeconfigFor({ user, groups = [] }) {
      const { certificate, key } = await authority.issue({ commonName: user, organizations: groups });
      return writeKubeconfig(newFile('user'), { ...admin, credentials: { certificate, key } });
    },
  };
}
