/**
 * What a test file prepares on an API server before its first test: our CRDs, a namespace of its own, and
 * ServiceAccounts with tokens.
 */

import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { eventually } from './eventually.ts';
import type { KubeClient, KubeObject, KubeObjectReference } from './kube-client.ts';

const CRD_FOLDER = join(import.meta.dirname, '..', '..', 'crds');

/** Applies every file of crds/ and waits until the API server serves the kinds. Safe to call from several files. */
export async function applyCrds(client: KubeClient, folder = CRD_FOLDER): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const objects = (await Promise.all(files.map((name) => readYaml(join(folder, name))))).flat();
  if (objects.length === 0) throw new Error(`${folder} holds no custom resource definition`);
  await Promise.all(objects.map((object) => client.apply(object)));
  await Promise.all(objects.map((object) => untilServed(client, object)));
}

/** A namespace of the caller's own. It is never removed: without a controller-manager it would stay Terminating. */
export async function createNamespace(client: KubeClient, prefix = 'test'): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

export interface ServiceAccountReference {
  readonly namespace: string;
  readonly name: string;
}

/** Makes the ServiceAccount when it is missing. @returns A token as a pod would get it, good for an hour. */
export async function serviceAccountToken(
  client: KubeClient,
  { namespace, name }: ServiceAccountReference,
  audiences: readonly string[] = [],
): Promise<string> {
  await client.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } });
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3_600, ...(audiences.length === 0 ? {} : { audiences }) },
  };
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const answer = await client.raw('POST', path, { body, contentType: 'application/json' });
  return (JSON.parse(answer) as { status: { token: string } }).status.token;
}

/** Every document of a YAML file. @throws Error that names the file when it does not parse. */
export async function readYaml(file: string): Promise<KubeObjectReference[]> {
  return parseAllDocuments(await readFile(file, 'utf8')).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`);
    const value = document.toJS() as KubeObjectReference | null;
    return value === null ? [] : [value];
  });
}

/** Established means "will be served soon"; only a list of the kind shows that it is. */
async function untilServed(client: KubeClient, definition: KubeObjectReference): Promise<void> {
  const established = (found: KubeObject) =>
    (found.status?.conditions ?? []).some(
      (condition: { type: string; status: string }) => condition.type === 'Established' && condition.status === 'True',
    );
  const what = `CRD ${definition.metadata.name} Established`;
  const found = await eventually(() => client.get(definition), established, { what });
  const { group, names, versions } = found.spec as {
    group: string;
    names: { kind: string };
    versions: { name: string; served: boolean }[];
  };
  for (const { name, served } of versions) {
    const reference = { apiVersion: `${group}/${name}`, kind: names.kind };
    if (served)
      await eventually(
        () => client.list(reference),
        () => true,
        { what: `${names.kind} served` },
      );
  }
}
