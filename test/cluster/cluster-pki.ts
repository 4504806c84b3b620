/**
 * Certificates and kubeconfigs of one cluster's components: a throw-away authority, good for a day.
 *
 * Each component has the user name that Kubernetes' own roles expect, so that its rights are those of a real cluster
 * (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles).
 */

import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeKubeconfig } from '../harness/kubeconfig.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';
import {
  APISERVER_PORT,
  APISERVER_SERVICE_ADDRESS,
  CLUSTER_DOMAIN,
  type ClusterPlan,
  type NodePlan,
} from './cluster-plan.ts';

export interface ClusterPki {
  readonly authority: CertificateAuthority;
  readonly authorityKeyFile: string;
  readonly apiserver: Certificate;
  /** A member of system:masters. */
  readonly admin: Certificate;
  readonly kubelets: ReadonlyMap<string, Certificate>;
  readonly serviceAccountKeyFile: string;
  readonly serviceAccountPublicKeyFile: string;
  /** By component, for kubelets and proxies by "kubelet-node-1"; for use inside the nodes' network. */
  kubeconfig(user: string): string;
}

export async function createClusterPki({ folder, nodes }: ClusterPlan): Promise<ClusterPki> {
  const pki = join(folder, 'pki');
  const authority = await createCertificateAuthority(pki);
  const kubeconfig = (user: string) => join(pki, `${user}.kubeconfig`);
  const url = `https://${nodes[0]?.address}:${APISERVER_PORT}`;
  const user = async (name: string, certificate: Promise<Certificate>) => {
    const issued = await certificate;
    await writeKubeconfig(kubeconfig(name), { url, authority: authority.certificate, credentials: issued });
    return issued;
  };
  const component = (name: string) => user(name, authority.issue({ commonName: `system:${name}` }));
  const kubelet = (node: NodePlan) => user(`kubelet-${node.name}`, issueKubelet(authority, node));
  const [apiserver, admin, kubelets, keys] = await Promise.all([
    issueApiserver(authority, nodes),
    user('admin', authority.issue({ commonName: 'admin', organizations: ['system:masters'] })),
    Promise.all(nodes.map(async (node) => [node.name, await kubelet(node)] as const)),
    writeServiceAccountKeys(pki),
    ...['kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map(component),
  ]);
  return {
    authority,
    authorityKeyFile: join(pki, 'ca.key'),
    apiserver,
    admin,
    kubelets: new Map(kubelets),
    kubeconfig,
    ...keys,
  };
}

function issueApiserver(authority: CertificateAuthority, nodes: readonly NodePlan[]): Promise<Certificate> {
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${CLUSTER_DOMAIN}`,
  ];
  const addresses = ['127.0.0.1', APISERVER_SERVICE_ADDRESS, ...nodes.slice(0, 1).map(({ address }) => address)];
  const names = [
    ...['localhost', ...service].map((name) => `DNS:${name}`),
    ...addresses.map((address) => `IP:${address}`),
  ];
  return authority.issue({ commonName: 'kube-apiserver', names });
}

/** The same certificate serves the kubelet's own API. */
function issueKubelet(authority: CertificateAuthority, { name, address }: NodePlan): Promise<Certificate> {
  const names = [`DNS:${name}`, `IP:${address}`];
  return authority.issue({ commonName: `system:node:${name}`, organizations: ['system:nodes'], names });
}

async function writeServiceAccountKeys(folder: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serviceAccountKeyFile = join(folder, 'service-account.key');
  const serviceAccountPublicKeyFile = join(folder, 'service-account.pub');
  await Promise.all([
    // SEC 1: Kubernetes reads PKCS #8 too, but only for some of its flags.
    writeFile(serviceAccountKeyFile, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 }),
    writeFile(serviceAccountPublicKeyFile, publicKey.export({ type: 'spki', format: 'pem' })),
  ]);
  return { serviceAccountKeyFile, serviceAccountPublicKeyFile };
}
