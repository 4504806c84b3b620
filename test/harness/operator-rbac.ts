/**
 * The rights of the operator, and nothing beyond: one ClusterRole for what it reads and writes in all namespaces, one
 * Role for the lease in its own. The chart grants the same.
 */
import type { KubeClient, KubeObject } from './kube-client.ts';
import { type ServiceAccountReference, serviceAccountToken } from './kube-setup.ts';

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** patch: repeats count up in one Event. */
export const EVENT_RULE: PolicyRule = {
  apiGroups: ['events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch'],
};

/** Their labels decide who may see a server; the uid of kube-system tells clusters apart. */
export const NAMESPACE_RULE: PolicyRule = {
  apiGroups: [''],
  resources: ['namespaces'],
  verbs: ['get', 'list', 'watch'],
};

/** In each namespace that it works with. */
export const OPERATOR_NAMESPACED_RULES: readonly PolicyRule[] = [
  // Status by server-side apply and the finalizer by merge patch: both are PATCH. Never create, update or delete.
  { apiGroups: ['mcp2.dev'], resources: ['mcp2servers'], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: ['mcp2.dev'], resources: ['mcp2servers/status'], verbs: ['patch'] },
  // With the admission plugin OwnerReferencesPermissionEnforcement; our own patch goes to the resource itself.
  { apiGroups: ['mcp2.dev'], resources: ['mcp2servers/finalizers'], verbs: ['patch'] },
  // get: what a list stopped showing is confirmed one by one.
  { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
  // CA bundles, by name; never listed.
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
  EVENT_RULE,
];

export const OPERATOR_CLUSTER_RULES: readonly PolicyRule[] = [...OPERATOR_NAMESPACED_RULES, NAMESPACE_RULE];

export const OPERATOR_LEASE_RULES: readonly PolicyRule[] = [
  // A name does not exist yet when it is created, so it cannot be limited to one.
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: ['mcp2-operator'],
    verbs: ['get', 'watch', 'patch'],
  },
];

const RBAC = 'rbac.authorization.k8s.io';

/** Makes the ServiceAccount with exactly these rights. @returns Its token, good for an hour. */
export async function operatorToken(kube: KubeClient, account: ServiceAccountReference): Promise<string> {
  await grant(kube, account, { rules: OPERATOR_CLUSTER_RULES });
  await grant(kube, account, { namespace: account.namespace, rules: OPERATOR_LEASE_RULES });
  return serviceAccountToken(kube, account);
}

/** What an operator needs that works in some namespaces alone: of all others it reads nothing but the labels. */
export async function namespacedOperatorToken(
  kube: KubeClient,
  account: ServiceAccountReference,
  namespaces: readonly string[],
): Promise<string> {
  await grant(kube, account, { rules: [NAMESPACE_RULE] });
  await grant(kube, account, { namespace: account.namespace, rules: [...OPERATOR_LEASE_RULES, EVENT_RULE] });
  for (const namespace of namespaces) await grant(kube, account, { namespace, rules: OPERATOR_NAMESPACED_RULES });
  return serviceAccountToken(kube, account);
}

/** A role of the account's name and its binding: in one namespace, or everywhere. */
async function grant(
  kube: KubeClient,
  account: ServiceAccountReference,
  { namespace, rules }: { readonly namespace?: string; readonly rules: readonly PolicyRule[] },
): Promise<void> {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const name = `mcp2-operator-${account.namespace}`;
  const metadata = namespace === undefined ? { name } : { name, namespace };
  const role: KubeObject = { apiVersion: `${RBAC}/v1`, kind, metadata, rules };
  const binding: KubeObject = {
    apiVersion: `${RBAC}/v1`,
    kind: `${kind}Binding`,
    metadata,
    roleRef: { apiGroup: RBAC, kind, name },
    subjects: [{ kind: 'ServiceAccount', ...account }],
  };
  await kube.apply(role);
  await kube.apply(binding);
}
