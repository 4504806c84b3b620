import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KubeClient } from './kube-client.ts';
import { applyCrds, createNamespace, readYaml } from './kube-setup.ts';
import { sharedKubeApiserver } from './shared-kube-apiserver.ts';

const CRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: crumbs.harness.mcp2.dev
spec:
  group: harness.mcp2.dev
  scope: Namespaced
  names: { kind: Crumb, plural: crumbs }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            size: { type: integer, maximum: 5 }
`;

async function folderWith(text: string): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-crds-'));
  await writeFile(join(folder, 'a.yaml'), text);
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

test('after applyCrds the kind is served at once, and its schema is enforced', async () => {
  await using client = new KubeClient((await sharedKubeApiserver()).admin);
  await using files = await folderWith(CRD);
  await Promise.all([applyCrds(client, files.folder), applyCrds(client, files.folder)]);
  const namespace = await createNamespace(client);
  const crumb = (size: number) => ({
    apiVersion: 'harness.mcp2.dev/v1',
    kind: 'Crumb',
    metadata: { namespace, name: 'a' },
    size,
  });
  await client.apply(crumb(5));
  await expect(client.apply(crumb(6))).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
  await expect(client.apply({ ...crumb(5), sise: 1 } as ReturnType<typeof crumb>)).rejects.toThrow('sise');
});

test('a folder without definitions and a broken file are errors that name them', async () => {
  await using client = new KubeClient((await sharedKubeApiserver()).admin);
  await using empty = await folderWith('');
  await expect(applyCrds(client, empty.folder)).rejects.toThrow(`${empty.folder} holds no custom resource definition`);
  await using broken = await folderWith('a: [');
  await expect(readYaml(join(broken.folder, 'a.yaml'))).rejects.toThrow('a.yaml');
});
