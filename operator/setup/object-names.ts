/**
 * What the objects of one release are called, as the chart calls them too: `fullName` is the release's name, or
 * "<release>-mcp2".
 */

export interface SetupNames {
  readonly signingKey: string;
  readonly publicKeys: string;
  /** The authority of gRPC certificates. */
  readonly authority: string;
  /** Another one for etcd, so that no certificate of a gRPC server opens the store. */
  readonly etcdAuthority: string;
  readonly operatorDeployment: string;
  readonly etcdServer: string;
  /** Of etcd's user "root". */
  readonly setupEtcdClient: string;
  /** Of a component: a gRPC server, a client, or both. */
  tls(component: string): string;
  etcdClient(component: string): string;
}

export function namesOf(fullName: string): SetupNames {
  return {
    signingKey: `${fullName}-signing-key`,
    publicKeys: `${fullName}-jwks`,
    authority: `${fullName}-ca`,
    etcdAuthority: `${fullName}-etcd-ca`,
    operatorDeployment: `${fullName}-operator`,
    etcdServer: `${fullName}-etcd-tls`,
    setupEtcdClient: `${fullName}-setup-etcd-tls`,
    tls: (component) => `${fullName}-${component}-tls`,
    etcdClient: (component) => `${fullName}-${component}-etcd-tls`,
  };
}

/** The user of a component in etcd: the common name of its client certificate. */
export function etcdUserOf(component: string): string {
  return `mcp2-${component}`;
}

export const ETCD_ROOT_USER = 'root';
