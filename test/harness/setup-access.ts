/**
 * The rights of the setup jobs, as data: their tests run with exactly these on a real API server, and the chart's
 * rendered rules are held against them.
 */

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface AccessRules {
  /** In the release's namespace. */
  readonly role: readonly PolicyRule[];
  readonly clusterRole: readonly PolicyRule[];
}

export interface SetupAccessOptions {
  readonly fullName: string;
  readonly tlsMode: 'selfSigned' | 'certManager' | 'existingSecret';
  readonly servers: readonly string[];
  readonly clients: readonly string[];
  readonly storeUsers: readonly string[];
  readonly hasBundledEtcd: boolean;
  readonly hasInstallationId: boolean;
  readonly trustConfigMap: string;
  readonly trustNamespaces: readonly string[];
  /** Only read, and only when the certificates are not made by the job. Default F-registry-tls. */
  readonly caSecret?: string;
}

const KEEP = ['get', 'create', 'patch'];

/** Of the ServiceAccount F-setup: `prepare`, `store` and `rotate`. */
export function setupAccess(options: SetupAccessOptions): AccessRules {
  const { fullName, trustConfigMap, trustNamespaces, hasInstallationId } = options;
  const { caSecret = `${fullName}-registry-tls` } = options;
  const isOurs = options.tlsMode === 'selfSigned';
  const secrets = [`${fullName}-signing-key`, ...(isOurs ? certificateSecrets(options) : [])];
  return {
    role: [
      core('secrets', secrets, KEEP),
      ...(isOurs ? [] : [core('secrets', [caSecret], ['get'])]),
      core('configmaps', [`${fullName}-jwks`, trustConfigMap], KEEP),
    ],
    clusterRole: [
      ...(hasInstallationId ? [] : [core('namespaces', ['kube-system'], ['get'])]),
      ...(trustNamespaces.length === 0 ? [] : [core('configmaps', [trustConfigMap], KEEP)]),
    ],
  };
}

/** Where the operator works, when that is not everywhere. */
export const UNINSTALL_RULE: PolicyRule = {
  apiGroups: ['mcp2.dev'],
  resources: ['mcp2servers'],
  verbs: ['get', 'list', 'patch'],
};

/** Of the ServiceAccount F-uninstall. */
export function uninstallAccess({ fullName }: Pick<SetupAccessOptions, 'fullName'>): AccessRules {
  return {
    role: [
      {
        apiGroups: ['apps'],
        resources: ['deployments/scale'],
        resourceNames: [`${fullName}-operator`],
        verbs: ['patch'],
      },
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
    ],
    clusterRole: [UNINSTALL_RULE],
  };
}

function certificateSecrets(options: SetupAccessOptions): string[] {
  const { fullName, servers, clients, storeUsers, hasBundledEtcd } = options;
  const tls = [...new Set([...servers, ...clients])].map((component) => `${fullName}-${component}-tls`);
  const ofEtcd = ['setup', ...storeUsers].map((component) => `${fullName}-${component}-etcd-tls`);
  const etcd = [`${fullName}-etcd-ca`, `${fullName}-etcd-tls`, ...ofEtcd];
  return [`${fullName}-ca`, ...tls, ...(hasBundledEtcd ? etcd : [])];
}

function core(resource: string, resourceNames: readonly string[], verbs: readonly string[]): PolicyRule {
  return { apiGroups: [''], resources: [resource], resourceNames, verbs };
}
