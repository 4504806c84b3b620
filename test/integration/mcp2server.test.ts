/**
 * The custom resource definition on a real API server: it is taken, it says what it should, and the TypeScript twin
 * reaches the same verdict, with the same sentences and the same defaults, on every case of the table.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser, type Mcp2Server } from '../../operator/server/resource.ts';
import { rulesOf } from '../../operator/server/rule-check.ts';
import { KubeClient, KubeError, type KubeObject, type KubeObjectReference } from '../harness/kube-client.ts';
import { applyCrds, createNamespace, readYaml } from '../harness/kube-setup.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';
import { SERVICE } from './mcp2server/case.ts';
import { createCases, createUpdateCases } from './mcp2server/cases.ts';

const ROOT = join(import.meta.dirname, '../..');
const KIND = { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server' };

const schema = readSchema(readFileSync(join(ROOT, 'crds/mcp2.dev_mcp2servers.yaml'), 'utf8'));
const parseMcp2Server = createMcp2ServerParser(schema);
const cases = createCases();

let client: KubeClient;
let namespace: string;
beforeAll(async () => {
  client = new KubeClient((await sharedKubeApiserver()).admin);
  await applyCrds(client);
  namespace = await createNamespace(client);
  return () => client[Symbol.asyncDispose]();
});

test.each(cases)('both judge alike: $title', async ({ object, refused }) => {
  const given = inNamespace(object);
  const answer = await send('POST', given);
  const { ok, problems } = parseMcp2Server(given, { allowLoopback: false });
  if (refused === undefined) {
    expect({ answer: typeof answer === 'string' ? answer : answer.spec, problems }).toEqual({ answer: ok?.spec });
    return;
  }
  const path = plain(refused.path);
  const mine = (problems ?? []).map((problem) => `${plain(problem.path) || '<nil>'}: ${problem.message}`);
  expect(plain(String(answer))).toContain(path);
  expect(answer).not.toContain('no such key');
  expect(mine).toContainEqual(expect.stringContaining(path));
  if (refused.sentence === undefined) return;
  expect(answer).toContain(refused.sentence);
  expect(mine).toContain(`${path}: ${refused.sentence}`);
});

test('every rule of the definition refuses at least one case', () => {
  const broken = new Set([...cases, ...createUpdateCases()].map(({ refused }) => refused?.sentence));
  expect(rulesOf(schema).filter(({ message }) => !broken.has(message))).toEqual([]);
});

test.each(createUpdateCases())('both judge an update alike: $title', async ({ before, object, refused }) => {
  const stored = await ensure(inNamespace(before) as unknown as KubeObject);
  const { resourceVersion } = stored.metadata as { resourceVersion?: string };
  const given = inNamespace(object);
  const answer = await send('PUT', { ...given, metadata: { ...given.metadata, resourceVersion } });
  const oldResource = parseMcp2Server(stored, { allowLoopback: false, ignoreUnknownFields: true }).ok;
  expect(oldResource).toBeDefined();
  const { problems } = parseMcp2Server(given, { allowLoopback: false, oldResource: oldResource as Mcp2Server });
  if (refused === undefined) expect([typeof answer, problems]).toEqual(['object', undefined]);
  else {
    expect(answer).toContain(refused.sentence);
    expect(problems).toMatchObject([{ path: refused.path, message: refused.sentence }]);
  }
});

test('the kind has a short name, a category and a status of its own', async () => {
  const { resources } = JSON.parse(await client.raw('GET', `/apis/${KIND.apiVersion}`)) as {
    resources: { name: string; shortNames?: string[]; categories?: string[] }[];
  };
  expect(resources.find(({ name }) => name === 'mcp2servers')).toMatchObject({
    shortNames: ['m2s'],
    categories: ['mcp2'],
  });
  expect(resources.map(({ name }) => name)).toContain('mcp2servers/status');
});

test('the status is written apart from the spec', async () => {
  const condition = { type: 'Ready', status: 'True', reason: 'Serving', message: '', lastTransitionTime: now() };
  const given = { ...minimal('apart'), status: { serverName: 'ignored' } };
  const created = await client.create(given);
  expect(created.status).toBeUndefined();
  const change = { spec: { capabilityMode: 'Declared' }, status: { serverName: 'apart', conditions: [condition] } };
  const updated = await client.patch(given, change, { subresource: 'status' });
  expect(updated.spec.capabilityMode).toBe('Intersect');
  expect(updated.status).toMatchObject({ serverName: 'apart', conditions: [condition] });
  expect(updated.metadata).toMatchObject({ generation: 1 });
});

test('kubectl get shows what matters, and more with -o wide', async () => {
  const own = await createNamespace(client);
  const object = { ...minimal('columns'), metadata: { name: 'columns', namespace: own } };
  await client.create(object);
  const condition = (type: string, status: string, reason: string) => {
    return { type, status, reason, message: '', lastTransitionTime: now() };
  };
  const conditions = [
    condition('Ready', 'False', 'TLSFailed'),
    condition('HandshakeVerified', 'Unknown', 'Pending'),
    condition('Registered', 'True', 'ReadBack'),
  ];
  const status = {
    serverName: 'Columns_1',
    endpoints: { ready: 1, total: 2, summary: '1/2' },
    capabilities: { advertised: 3 },
    serverInfo: { version: '2.3.1' },
    conditions,
  };
  await client.patch(object, { status }, { subresource: 'status' });
  const { columns, rows } = await client.table({ ...KIND, namespace: own });
  expect(columns).toEqual(['Name', 'Ready', 'Reason', 'Server', 'Endpoints', 'Age']);
  expect(rows).toMatchObject([{ Ready: 'False', Reason: 'TLSFailed', Server: 'Columns_1', Endpoints: '1/2' }]);
  const wide = await client.raw('GET', `/apis/${KIND.apiVersion}/namespaces/${own}/mcp2servers`, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  const table = JSON.parse(wide) as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
  expect(table.columnDefinitions.map(({ name }) => name).slice(6)).toEqual([
    'Handshake',
    'Registered',
    'Caps',
    'Version',
  ]);
  expect(table.rows[0]?.cells.slice(6)).toEqual(['Unknown', 'True', 3, '2.3.1']);
});

test('kubectl explain finds the descriptions', async () => {
  const document = await client.raw('GET', `/openapi/v3/apis/${KIND.apiVersion}`);
  const { components } = JSON.parse(document) as { components: { schemas: Record<string, KubeObject> } };
  const published = Object.entries(components.schemas).find(([name]) => name.endsWith('.Mcp2Server'))?.[1];
  expect(published?.properties.spec.properties.tls.properties.mode.description).toContain('Disabled is plaintext');
});

test.each(examples())('both take the example %s', async (file) => {
  for (const object of await readYaml(join(ROOT, file))) {
    if (object.kind === 'Mcp2Server') {
      expect(parseMcp2Server(object, { allowLoopback: false }).problems).toBeUndefined();
    }
    await client.apply({ ...object, metadata: { ...object.metadata, namespace } });
  }
});

function inNamespace(object: Readonly<Record<string, unknown>>) {
  return { ...object, metadata: { ...(object.metadata as object), namespace } };
}

function minimal(name: string): KubeObjectReference {
  const spec = { source: SERVICE, capabilities: [{ name: 'db:a:read' }] };
  return { ...KIND, metadata: { name, namespace }, spec } as KubeObjectReference;
}

/** Nothing is stored. @returns The object as the API server would store it, or why it refuses. */
async function send(method: 'POST' | 'PUT', object: object): Promise<KubeObject | string> {
  const { name } = (object as KubeObject).metadata;
  const collection = `/apis/${KIND.apiVersion}/namespaces/${namespace}/mcp2servers`;
  const query = 'fieldValidation=Strict&dryRun=All';
  const path = method === 'POST' ? collection : `${collection}/${name}`;
  try {
    return JSON.parse(await client.raw(method, `${path}?${query}`, { body: object, contentType: 'application/json' }));
  } catch (error) {
    if (!(error instanceof KubeError) || error.code >= 500) throw error;
    return error.message;
  }
}

async function ensure(object: KubeObject): Promise<KubeObject> {
  return (await client.find(object)) ?? (await client.create(object));
}

/** The two write the key of a map differently: `tags[a]`, `tags.a`. */
function plain(text: string): string {
  return text.replace(/\[([A-Za-z][\w./-]*)\]/g, '.$1');
}

function examples(): string[] {
  const files = readdirSync(join(ROOT, 'examples/kubernetes'));
  return files.filter((file) => file.endsWith('.yaml')).map((file) => `examples/kubernetes/${file}`);
}

function now(): string {
  return new Date().toISOString();
}
