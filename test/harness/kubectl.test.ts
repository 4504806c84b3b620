/** What the harness gives to people who look at a test's API server with kubectl. Part of `npm run test:chart`. */
import { expect, test } from 'vitest';
import { KUBECTL } from '../cluster/binaries.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { runCommand } from '../cluster/run-command.ts';
import { KubeClient } from './kube-client.ts';
import { createNamespace } from './kube-setup.ts';
import { sharedKubeApiserver } from './shared-kube-apiserver.ts';

test('kubectl works with the kubeconfig of a user, who may do what RBAC grants and no more', async () => {
  const kube = await sharedKubeApiserver();
  await using client = new KubeClient(kube.admin);
  const namespace = await createNamespace(client);
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { namespace, name: 'readers' } };
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'readers' };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: `readers/${namespace}` }];
  await client.apply({ ...rbac, kind: 'Role', rules } as typeof rbac & { kind: string });
  await client.apply({ ...rbac, kind: 'RoleBinding', roleRef, subjects } as typeof rbac & { kind: string });
  const file = await kube.kubeconfigFor({ user: 'ann', groups: [`readers/${namespace}`] });
  const kubectl = (await ensureBinaries({ binaries: KUBECTL })).path('kubectl');
  const get = (kind: string) => runCommand(kubectl, ['--kubeconfig', file, '-n', namespace, 'get', kind]);
  expect(await get('configmaps')).toBe('');
  await expect(get('secrets')).rejects.toThrow('User "ann" cannot list resource "secrets"');
});
