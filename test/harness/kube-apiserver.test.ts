import { expect, test } from 'vitest';
import { ensureBinaries } from '../cluster/build.ts';
import { eventually } from './eventually.ts';
import { startKubeApiserver } from './kube-apiserver.ts';
import { KubeClient } from './kube-client.ts';
import { createNamespace, serviceAccountToken } from './kube-setup.ts';
import { sharedKubeApiserver } from './shared-kube-apiserver.ts';

const configMap = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
});

test('an unknown token is refused with 401 and a ServiceAccount without rights with 403', async () => {
  const { admin } = await sharedKubeApiserver();
  await using client = new KubeClient(admin);
  const namespace = await createNamespace(client);
  await using stranger = new KubeClient({ ...admin, credentials: { token: 'unknown' } });
  await expect(stranger.list({ apiVersion: 'v1', kind: 'ConfigMap' })).rejects.toMatchObject({ code: 401 });
  const token = await serviceAccountToken(client, { namespace, name: 'reader' });
  await using reader = new KubeClient({ ...admin, credentials: { token } });
  await expect(reader.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace })).rejects.toMatchObject({ code: 403 });
});

test('the API server calls itself by the version that was built', async () => {
  await using client = new KubeClient((await sharedKubeApiserver()).admin);
  const { kubernetesVersion } = await ensureBinaries();
  expect(JSON.parse(await client.raw('GET', '/version'))).toMatchObject({ gitVersion: kubernetesVersion });
});

test('the client applies, reads, patches, lists as kubectl does, and deletes', async () => {
  await using client = new KubeClient((await sharedKubeApiserver()).admin);
  const namespace = await createNamespace(client);
  const reference = configMap(namespace, 'a');
  await client.apply({ ...reference, data: { key: 'one' } } as typeof reference);
  expect((await client.patch(reference, { data: { other: 'two' } })).data).toEqual({ key: 'one', other: 'two' });
  const table = await client.table({ apiVersion: 'v1', kind: 'ConfigMap', namespace });
  expect(table.columns).toEqual(['Name', 'Data', 'Age']);
  expect(table.rows).toMatchObject([{ Name: 'a', Data: '2' }]);
  await client.delete(reference);
  expect(await client.find(reference)).toBeUndefined();
});

test('an API server of one file keeps its objects over a crash', async () => {
  await using apiserver = await startKubeApiserver();
  await using client = new KubeClient(apiserver.admin);
  await client.apply(configMap('default', 'kept'));
  await apiserver.kill();
  await expect(client.get(configMap('default', 'kept'))).rejects.toThrow();
  await apiserver.restart();
  const name = (found: { metadata: { name: string } }) => found.metadata.name === 'kept';
  await eventually(() => client.get(configMap('default', 'kept')), name);
});
