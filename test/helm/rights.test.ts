/** The rights that the chart grants are those with which the operator and the jobs are tested. */
import { expect, test } from 'vitest';
import { storeRightsSetting } from '../harness/chart-traits.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import {
  EVENT_RULE,
  NAMESPACE_RULE,
  OPERATOR_CLUSTER_RULES,
  OPERATOR_LEASE_RULES,
  OPERATOR_NAMESPACED_RULES,
} from '../harness/operator-rbac.ts';
import { type SetupAccessOptions, setupAccess, UNINSTALL_RULE, uninstallAccess } from '../harness/setup-access.ts';
import { find, has, NAMESPACE, type RenderOptions, render, renderText } from './chart.ts';

const RELEASE: SetupAccessOptions = {
  fullName: 'mcp2',
  tlsMode: 'selfSigned',
  servers: ['event-bus', 'registry'],
  clients: ['operator'],
  storeUsers: ['operator', 'registry'],
  hasBundledEtcd: true,
  hasInstallationId: false,
  trustConfigMap: 'mcp2-trust',
  trustNamespaces: [],
};

const CASES: readonly (readonly [title: string, options: RenderOptions, access: Partial<SetupAccessOptions>])[] = [
  ['by default', {}, {}],
  [
    'with the sample’s servers',
    { set: ['contextTool.sample=true'] },
    { servers: ['event-bus', 'registry', 'inventory', 'pricing'] },
  ],
  [
    'with cert-manager and an installation id',
    { file: 'production' },
    { tlsMode: 'certManager', hasInstallationId: true, trustNamespaces: ['default'] },
  ],
  ['with an external etcd', { file: 'external-etcd' }, { hasBundledEtcd: false }],
  [
    'with a trust of another name',
    { set: ['trust.configMapName=a', 'trust.namespaces={shop}'] },
    { trustConfigMap: 'a', trustNamespaces: ['shop'] },
  ],
];

test('the operator has the rights that its tests give it, and no other', async () => {
  const objects = await render();
  expect(sorted(rulesOf(objects, 'ClusterRole', `mcp2-operator:${NAMESPACE}`))).toEqual(sorted(OPERATOR_CLUSTER_RULES));
  expect(sorted(rulesOf(objects, 'Role', 'mcp2-operator'))).toEqual(sorted(OPERATOR_LEASE_RULES));
});

test('an operator of some namespaces has rights in these alone, and reads labels of the others', async () => {
  const objects = await render({ set: [`operator.settings.namespaces={shop,${NAMESPACE}}`] });
  const [first, second, ...more] = objects.filter(
    ({ kind, metadata }) => kind === 'Role' && metadata.name.startsWith('mcp2-operator'),
  ) as unknown as { metadata: { namespace: string }; rules: Rule[] }[];
  expect(more).toEqual([]);
  const rules = new Map([first, second].map((role) => [role?.metadata.namespace, sorted(role?.rules ?? [])]));
  expect(rules.get('shop')).toEqual(sorted(OPERATOR_NAMESPACED_RULES));
  expect(rules.get(NAMESPACE)).toEqual(
    sorted([...OPERATOR_LEASE_RULES, EVENT_RULE, ...OPERATOR_NAMESPACED_RULES.filter((rule) => rule !== EVENT_RULE)]),
  );
  expect(rulesOf(objects, 'ClusterRole', `mcp2-operator:${NAMESPACE}`)).toEqual([NAMESPACE_RULE]);
  expect(await renderText({ set: ['operator.settings.namespaces={shop,till}'] })).toContain('value: "shop,till"');
});

test.each(CASES)('the setup jobs have the rights that their tests give them, %s', async (_title, options, access) => {
  const objects = await render(options);
  const { role, clusterRole } = setupAccess({ ...RELEASE, ...access });
  for (const name of ['mcp2-setup', 'mcp2-rotate']) {
    expect(sorted(rulesOf(objects, 'Role', name)), name).toEqual(sorted(role));
    expect(sorted(rulesOf(objects, 'ClusterRole', `${name}:${NAMESPACE}`)), name).toEqual(sorted(clusterRole));
  }
});

test('the job that sets etcd up is given the rights that its tests give it', async () => {
  const { spec } = find(await render({ set: ['contextTool.sample=true'] }), 'Job', 'mcp2-store-setup');
  const value = storeRightsSetting();
  expect(spec.template.spec.containers[0].env).toContainEqual({ name: 'MCP2_SETUP_STORE_RIGHTS', value });
});

test('the job of uninstall has the rights that its tests give it', async () => {
  const objects = await render();
  const { role, clusterRole } = uninstallAccess(RELEASE);
  expect(sorted(rulesOf(objects, 'Role', 'mcp2-uninstall'))).toEqual(sorted(role));
  expect(sorted(rulesOf(objects, 'ClusterRole', `mcp2-uninstall:${NAMESPACE}`))).toEqual(sorted(clusterRole));
});

test('an operator of some namespaces is uninstalled with rights in these alone', async () => {
  const objects = await render({ set: [`operator.settings.namespaces={shop,${NAMESPACE}}`] });
  const { role } = uninstallAccess(RELEASE);
  const rights = objects.filter(({ kind, metadata }) => /Role$/.test(kind) && /^mcp2-uninstall/.test(metadata.name));
  expect(rights.map(({ kind, metadata: { namespace } }) => `${kind} ${namespace}`).sort()).toEqual([
    `Role ${NAMESPACE}`,
    'Role shop',
  ]);
  expect(sorted(rulesOf(objects, 'Role', 'mcp2-uninstall'))).toEqual(sorted([...role, UNINSTALL_RULE]));
  expect(sorted(rulesOf(objects, 'Role', `mcp2-uninstall:${NAMESPACE}`))).toEqual(sorted([UNINSTALL_RULE]));
  const { spec } = find(objects, 'Job', 'mcp2-uninstall');
  const named = { name: 'MCP2_SETUP_OPERATOR_NAMESPACES', value: `shop,${NAMESPACE}` };
  expect(spec.template.spec.containers[0].env).toContainEqual(named);
});

test('without rbac.create there is no role and no binding but those that add to the cluster’s own', async () => {
  const objects = await render({ set: ['rbac.create=false'] });
  const rights = objects.filter(({ kind }) => /^(Cluster)?Role(Binding)?$/.test(kind));
  expect(rights.map(({ metadata }) => metadata.name).sort()).toEqual(
    ['admin', 'edit', 'view'].map((role) => `mcp2-${role}:${NAMESPACE}`),
  );
});

test('no role lists Secrets, and none names a wildcard', async () => {
  const objects = await render({ file: 'everything' });
  const rules = objects.flatMap(({ kind, rules = [] }) => (/^(Cluster)?Role$/.test(kind) ? (rules as Rule[]) : []));
  expect(rules.length).toBeGreaterThan(10);
  expect(JSON.stringify(rules)).not.toContain('"*"');
  const wide = rules.filter(({ resources, resourceNames }) => resources.includes('secrets') && !resourceNames?.length);
  expect(wide).toEqual([]);
});

test('every binding binds a role that is there to an account that is there', async () => {
  for (const options of [{}, { file: 'production' }, { file: 'everything' }]) {
    const objects = await render(options);
    const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
    expect(bindings.length).toBeGreaterThan(4);
    for (const { roleRef, subjects } of bindings) {
      expect(has(objects, roleRef.kind, roleRef.name), roleRef.name).toBe(true);
      for (const { kind, name, namespace } of subjects) {
        expect({ found: has(objects, kind, name), namespace }, name).toEqual({ found: true, namespace: NAMESPACE });
      }
    }
  }
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** None when there is no such role: a job that needs none has none. */
function rulesOf(objects: readonly KubeObject[], kind: string, name: string): readonly Rule[] {
  return has(objects, kind, name) ? (find(objects, kind, name).rules as Rule[]) : [];
}

/** The order of rules and of the words in them means nothing. */
function sorted(rules: readonly Rule[]): string[] {
  return rules
    .map(({ apiGroups, resources, resourceNames = [], verbs }) =>
      [apiGroups, resources, resourceNames, verbs].map((words) => [...words].sort().join(',')).join(' '),
    )
    .sort();
}
