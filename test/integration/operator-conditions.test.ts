/**
 * How trouble reads to people: a resource that is wrong although it is stored, and one Event for each turn of a
 * condition, whatever else turned with it.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import type { KubeObject, KubeObjectReference } from '../harness/kube-client.ts';
import { applyCrds, createNamespace, readYaml } from '../harness/kube-setup.ts';
import {
  addressServer,
  conditionOf,
  eventsOf,
  readRecord,
  serviceServer,
  untilCondition,
} from '../harness/mcp2-servers.ts';
import { serviceObject, sliceObject, startTestServer } from '../harness/operator-fixture.ts';

const DEFINITIONS = join(import.meta.dirname, '../../crds');

let plane: ControlPlane;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
  namespace = await createNamespace(plane.kube);
});

afterAll(() => plane?.[Symbol.asyncDispose]());

/** The definition as an earlier version may have been: it takes everything. */
async function relaxDefinition(): Promise<void> {
  const files = (await readdir(DEFINITIONS)).filter((name) => name.endsWith('.yaml'));
  const all = (await Promise.all(files.map((name) => readYaml(join(DEFINITIONS, name))))).flat();
  const definition: KubeObject | undefined = all.find(({ metadata }) => metadata.name === 'mcp2servers.mcp2.dev');
  if (!definition) throw new Error('there is no definition of Mcp2Server');
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } };
  const versions = definition.spec.versions.map((version: object) => ({ ...version, schema }));
  const relaxed: KubeObject = { ...definition, spec: { ...definition.spec, versions } };
  await plane.kube.apply(relaxed);
}

test('a spec that was stored before its rule existed becomes a condition, and none of it reaches Discovery', async () => {
  const { kube } = plane;
  const broken = addressServer(namespace, 'stored-earlier', {
    source: { address: 'grpcs://a.example:443', service: { name: 'a', port: 'grpc' } },
    capabilities: [{ name: 'db:inv*' }],
  });
  await relaxDefinition();
  await eventually(
    () => kube.apply(broken),
    () => true,
    { what: 'the broken resource to be stored' },
  );
  await applyCrds(kube);
  await eventually(
    () =>
      kube.apply(addressServer(namespace, 'refused-now', broken.spec)).then(
        () => false,
        () => true,
      ),
    (isRefused) => isRefused,
    { what: 'the rules to be in force' },
  );
  await plane.startOperator();
  const refused = await untilCondition(kube, broken, { type: 'Accepted', status: 'False', reason: 'InvalidSpec' });
  expect(conditionOf(refused, 'Accepted')?.message).toMatch(/spec\.capabilities\[0\]\.name: .*spec\.source: /);
  expect(conditionOf(refused, 'Ready')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
  expect(await readRecord(plane.store, 'stored-earlier')).toBeUndefined();
  expect(await warningsOf(refused, 1)).toEqual([/^Accepted is False: /]);

  const spec = { source: { address: 'grpcs://a.example:443', service: null }, capabilities: [{ name: 'db:a:read' }] };
  const mended = await kube.patch(broken, { spec });
  await untilCondition(kube, mended, { type: 'Ready', status: 'True' });
  await kube.delete(mended);
});

test('each turn of a condition is one Event, and Ready says nothing that another one says', async () => {
  const { kube, fixture } = plane;
  const name = 'turning';
  // All that the server offers, so that nothing is said of its card.
  const offered = ['db:inventory:read', 'context:read:inventory:*:stock_count', 'tool:compute_pricing'];
  const capabilities = offered.map((capability) => ({ name: capability }));
  const resource = await kube.apply(serviceServer(namespace, name, { capabilities }));
  await untilCondition(kube, resource, { type: 'Ready', status: 'False', reason: 'ServiceNotFound' });
  expect(await warningsOf(resource, 1)).toEqual([/^ResolvedRefs is False: /]);

  await using server = await startTestServer({
    fixture,
    serverName: name,
    address: '192.0.2.10',
    dnsName: `${name}.${namespace}.svc`,
  });
  await kube.apply(serviceObject(namespace, name));
  await kube.apply(sliceObject({ namespace, service: name, addresses: [server.address] }));
  await untilCondition(kube, resource, { type: 'Ready', status: 'True' });
  await kube.apply(sliceObject({ namespace, service: name, addresses: [] }));
  await untilCondition(kube, resource, { type: 'Ready', status: 'False', reason: 'ScaledToZero' });
  expect(await warningsOf(resource, 2)).toEqual([/^ResolvedRefs is False: /, /^EndpointsReady is False: /]);
});

/** The beginnings of the warnings, as patterns; waits until there are so many, and a little longer for one too many. */
async function warningsOf(resource: KubeObjectReference, count: number): Promise<RegExp[]> {
  const found = await plane.kube.get(resource);
  const read = async () => (await eventsOf(plane.kube, found)).filter(({ type }) => type === 'Warning');
  await eventually(read, (events) => events.length >= count, { what: `${count} warnings` });
  let before = -1;
  const settled = await eventually(
    read,
    (events) => {
      const isSettled = events.length === before;
      before = events.length;
      return isSettled;
    },
    { intervalMs: 500 },
  );
  return settled.map(({ note }) => new RegExp(`^${note.slice(0, note.indexOf(':') + 2)}`));
}
