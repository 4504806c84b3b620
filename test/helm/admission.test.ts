/**
 * The real API server takes everything that the chart renders: strictly, so that a field it does not know is an error,
 * and every pod in a namespace that enforces Pod Security "restricted".
 *
 * NetworkPolicies are only validated here; what they allow is analysed elsewhere. HorizontalPodAutoscalers and
 * cert-manager's resources are validated, not acted upon.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadCustomResourceDefinitions } from '../cluster/custom-resource-definitions.ts';
import { eventually } from '../harness/eventually.ts';
import { KubeClient, type KubeObject, type KubeObjectReference } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';
import { has, podTemplates, render, valuesFiles } from './chart.ts';
import { BOARD_READER, NEWS_BOARD } from './made-up-board.ts';
import { chartWith } from './made-up-component.ts';

let client: KubeClient;
let namespace: string;

beforeAll(async () => {
  client = new KubeClient((await sharedKubeApiserver()).admin);
  namespace = await createNamespace(client, 'chart');
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await client.patch({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { metadata: { labels } });
  const definitions = await loadCustomResourceDefinitions();
  await Promise.all(definitions.map(({ text }) => client.apply(parse(text) as KubeObjectReference)));
  await eventually(
    () => client.list({ apiVersion: 'cert-manager.io/v1', kind: 'Issuer' }),
    () => true,
    { what: 'cert-manager.io served' },
  );
});

afterAll(() => client[Symbol.asyncDispose]());

test.each(valuesFiles())(
  'the API server takes everything of ci/%s-values.yaml, and knows every field',
  async (file) => {
    const objects = await render({ file, namespace });
    expect(objects.length).toBeGreaterThan(20);
    const refusals = await Promise.all(objects.map((object) => refusal(object)));
    expect(refusals.filter((sentence) => sentence !== undefined)).toEqual([]);
  },
);

test.each(valuesFiles())('every pod of ci/%s-values.yaml passes Pod Security "restricted"', async (file) => {
  const pods = podTemplates(await render({ file, namespace }));
  expect(pods.length).toBeGreaterThan(4);
  for (const [i, { owner, metadata, spec }] of pods.entries()) {
    const name = `${file}-${i}`;
    const { labels, annotations } = metadata;
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { labels, annotations, name, namespace }, spec };
    expect(await refusal(pod), owner).toBeUndefined();
  }
});

test('the API server takes everything of components that were added to the chart', async () => {
  const chart = chartWith(NEWS_BOARD, BOARD_READER);
  const objects = await render({
    chart,
    namespace,
    set: ['componentDefaults.autoscaling.enabled=true', 'newsBoard.replicas=null'],
  });
  expect(has(objects, 'StatefulSet', 'mcp2-news-board')).toBe(true);
  const refusals = await Promise.all(objects.map((object) => refusal(object)));
  expect(refusals.filter((sentence) => sentence !== undefined)).toEqual([]);
});

test('the API server refuses what the chart might get wrong', async () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'wrong', namespace } };
  const containers = [{ name: 'a', image: 'a:1' }];
  expect(await refusal({ ...pod, spec: { containers } })).toContain('restricted');
  expect(await refusal({ ...pod, spec: { containers, automount: false } })).toContain('automount');
});

async function refusal(object: KubeObject): Promise<string | undefined> {
  // Helm puts what names no namespace into the release's.
  const metadata = object.kind === 'ConfigMap' ? { ...object.metadata, namespace } : object.metadata;
  try {
    await client.apply({ ...object, metadata }, { dryRun: true });
    return undefined;
  } catch (error) {
    return `${object.kind} ${object.metadata.name}: ${(error as Error).message}`;
  }
}
