/** Servers of the context-tool: what an entry of contextTool.servers becomes, and what is refused of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from '../harness/kube-client.ts';
import { CHART, find, has, helm, NAMESPACE, render } from './chart.ts';
import { renderChart } from './render.ts';

const ROOT = join(CHART, '../..');
const POSTGRES = { postgres: { primary: { url: { fromFile: '/etc/mcp2/secrets/stock/url' } } } };
const TOOL = { name: 'feed', statement: { database: 'pets', sql: 'UPDATE pets SET fed = 1' } };
const PET_SHOP = { server: { name: 'PetShop', version: '1.0.0' }, databases: { pets: POSTGRES } };

let sample: readonly KubeObject[];
let everything: readonly KubeObject[];

beforeAll(async () => {
  [sample, everything] = await Promise.all([
    render({ set: ['contextTool.sample=true'] }),
    render({ file: 'everything' }),
  ]);
});

/** With one entry, petShop. */
const withPetShop = (entry: object, more: object = {}): Promise<readonly KubeObject[]> =>
  renderChart({ values: { contextTool: { ...more, servers: { petShop: { config: PET_SHOP, ...entry } } } } });

const serverCalled = (name: string) => ({ server: { name, version: '1.0.0' } });

// biome-ignore lint/suspicious/noExplicitAny: a PodSpec belongs to the API server
const podOf = (objects: readonly KubeObject[], name: string): any =>
  find(objects, 'Deployment', name).spec.template.spec;

const environmentOf = (objects: readonly KubeObject[], name: string): Record<string, unknown> =>
  Object.fromEntries(
    podOf(objects, name).containers[0].env.map(({ name: key, value }: { name: string; value: unknown }) => [
      key,
      value,
    ]),
  );

test('an entry becomes all that a component has, under its own name in kebab case', async () => {
  const objects = await withPetShop({});
  const own = objects.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'pet-shop');
  expect(own.map(({ kind, metadata: { name } }) => `${kind} ${name}`).sort()).toEqual(
    ['ConfigMap', 'Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount'].map(
      (kind) => `${kind} mcp2-pet-shop`,
    ),
  );
  expect(podOf(objects, 'mcp2-pet-shop').containers[0]).toMatchObject({ name: 'context-tool', args: ['context-tool'] });
  expect(find(objects, 'Deployment', 'mcp2-pet-shop').spec.replicas).toBe(2);
});

test('without an entry nothing of the context-tool is there', async () => {
  const workloads = (await render()).filter(({ kind }) => kind === 'Deployment');
  expect(workloads.map(({ metadata }) => metadata.name).sort()).toEqual(['mcp2-operator', 'mcp2-registry']);
});

test('the sample is the inventory with one pod and prices with two', () => {
  const pods = ['inventory', 'pricing'].map((name) => find(sample, 'Deployment', `mcp2-${name}`).spec.replicas);
  expect(pods).toEqual([1, 2]);
  const files = (name: string) => find(sample, 'ConfigMap', name).data as Record<string, string>;
  const { server, databases } = parse(files('mcp2-inventory')['server.yaml'] ?? '');
  expect(server.name).toBe('InventoryDB_Primary');
  // A relative file is for mcp2 up.
  expect(databases.inventory.sqlite.file).toMatch(/^\/var\/lib\/mcp2\/\w+\.db$/);
  expect(Object.keys(files('mcp2-inventory'))).toEqual(expect.arrayContaining(databases.inventory.sqlite.init));
  expect(Object.keys(files('mcp2-pricing')).sort()).toEqual(['pricing.mjs', 'server.yaml']);
});

test('what servers says under the names of the sample goes before it', async () => {
  const values = { contextTool: { sample: true, servers: { inventory: { config: PET_SHOP, replicas: 3 } } } };
  const objects = await renderChart({ values });
  expect(find(objects, 'Deployment', 'mcp2-inventory').spec.replicas).toBe(3);
  expect(parse(find(objects, 'ConfigMap', 'mcp2-inventory').data['server.yaml'])).toEqual(PET_SHOP);
  expect(has(objects, 'Deployment', 'mcp2-pricing')).toBe(true);
});

test('a configuration may be a map or text, and its numbers stay what they are', async () => {
  const config = { ...PET_SHOP, tools: [{ ...TOOL, input: { properties: { grams: { maximum: 1_000_000 } } } }] };
  const text = '# Mine.\nserver: {name: PetShop, version: 1.0.0}\n';
  const fileOf = async (written: unknown) =>
    find(await withPetShop({ config: written }), 'ConfigMap', 'mcp2-pet-shop').data['server.yaml'];
  expect(parse(await fileOf(config))).toEqual(config);
  expect(await fileOf(text)).toBe(text);
});

test('the process finds its configuration, its folder and all that it calls, as mcp2 does in its pod', () => {
  expect(environmentOf(sample, 'mcp2-inventory')).toMatchObject({
    MCP2_CONTEXT_TOOL_CONFIG: '/etc/mcp2/config/server.yaml',
    MCP2_LISTEN: '0.0.0.0:50061',
    MCP2_REGISTRY_ADDRESS: 'mcp2-registry.mcp2-system.svc:50050',
    MCP2_CA_FILE: '/etc/mcp2/trust/ca.crt',
  });
  const { volumes, containers } = podOf(sample, 'mcp2-inventory');
  expect(volumes).toContainEqual({ name: 'config', configMap: { name: 'mcp2-inventory' } });
  expect(volumes).toContainEqual({ name: 'ca', configMap: { name: 'mcp2-trust' } });
  expect(volumes).toContainEqual({ name: 'data', emptyDir: {} });
  const mounts = new Map(
    containers[0].volumeMounts.map((mount: { mountPath: string }) => [mount.mountPath, mount] as const),
  );
  expect(mounts.get('/etc/mcp2/config')).toMatchObject({ name: 'config', readOnly: true });
  expect(mounts.get('/var/lib/mcp2')).toEqual({ name: 'data', mountPath: '/var/lib/mcp2' });
});

test('Secrets are folders, and the token is one file', () => {
  const { volumes, containers } = podOf(everything, 'mcp2-pet-shop');
  const { volumeMounts } = containers[0];
  expect(volumeMounts).toContainEqual({
    name: 'secret-people',
    mountPath: '/etc/mcp2/secrets/people',
    readOnly: true,
  });
  expect(volumeMounts).toContainEqual({ name: 'token', mountPath: '/var/run/mcp2', readOnly: true });
  expect(volumes).toContainEqual({
    name: 'secret-people',
    secret: { secretName: 'people-database', defaultMode: 0o440 },
  });
  const items = [{ key: 'jwt', path: 'token' }];
  expect(volumes).toContainEqual({
    name: 'token',
    secret: { secretName: 'pet-shop-token', defaultMode: 0o440, items },
  });
});

test.each([
  ['configuration', { config: { ...PET_SHOP, server: { name: 'PetShop', version: '1.0.1' } } }, true],
  ['module', { modules: { 'feed.mjs': 'export default () => 2;' } }, true],
  ['SQL file', { sql: { 'pets.sql': 'SELECT 2;' } }, true],
  ['number of pods', { replicas: 3 }, false],
])('another %s rolls the pods: %j %s', async (_what, entry, rolls) => {
  const checksum = async (values: object) =>
    find(await withPetShop(values), 'Deployment', 'mcp2-pet-shop').spec.template.metadata.annotations[
      'checksum/config'
    ] as string;
  expect((await checksum(entry)) !== (await checksum({}))).toBe(rolls);
});

test('the change of one server leaves the pods of the others', async () => {
  const template = async (name: string) => {
    const servers = { petShop: { config: PET_SHOP }, other: { config: serverCalled(name) } };
    return find(await renderChart({ values: { contextTool: { servers } } }), 'Deployment', 'mcp2-pet-shop').spec
      .template;
  };
  expect(await template('One')).toEqual(await template('Two'));
});

test('a volume is kept when the release is removed, and one pod ends before the next one begins', () => {
  const { metadata, spec } = find(everything, 'PersistentVolumeClaim', 'mcp2-pet-shop');
  expect(metadata.annotations?.['helm.sh/resource-policy']).toBe('keep');
  expect(spec).toEqual({
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'fast-ssd',
    resources: { requests: { storage: '2Gi' } },
  });
  expect(find(everything, 'Deployment', 'mcp2-pet-shop').spec.strategy).toEqual({ type: 'Recreate' });
  const volume = { name: 'data', persistentVolumeClaim: { claimName: 'mcp2-pet-shop' } };
  expect(podOf(everything, 'mcp2-pet-shop').volumes).toContainEqual(volume);
  expect(find(everything, 'Deployment', 'mcp2-weather').spec.strategy.type).toBe('RollingUpdate');
});

test('a claim of yours is used and none is made', async () => {
  const persistence = { size: '1Gi', existingClaim: 'pets' };
  const objects = await withPetShop({ replicas: 1, persistence });
  expect(objects.filter(({ kind }) => kind === 'PersistentVolumeClaim')).toEqual([]);
  const volume = { name: 'data', persistentVolumeClaim: { claimName: 'pets' } };
  expect(podOf(objects, 'mcp2-pet-shop').volumes).toContainEqual(volume);
});

test('an entry takes what stands beside servers, and that takes componentDefaults, maps deeply', async () => {
  const values = {
    componentDefaults: { logLevel: 'warn', podLabels: { a: '1' }, terminationGracePeriodSeconds: 77 },
    contextTool: {
      replicas: 4,
      podLabels: { b: '2' },
      extraEnv: [{ name: 'A', value: '1' }],
      servers: { petShop: { config: PET_SHOP, podLabels: { c: '3' }, terminationGracePeriodSeconds: 40 } },
    },
  };
  const objects = await renderChart({ values });
  const { spec } = find(objects, 'Deployment', 'mcp2-pet-shop');
  expect(spec.replicas).toBe(4);
  expect(spec.template.metadata.labels).toMatchObject({ a: '1', b: '2', c: '3' });
  expect(spec.template.spec.terminationGracePeriodSeconds).toBe(40);
  expect(environmentOf(objects, 'mcp2-pet-shop')).toMatchObject({ MCP2_LOG_LEVEL: 'warn', A: '1' });
});

test.each([
  ['the entry', { autoscaling: { enabled: true } }, { replicas: 3 }, true],
  ['the entry', { replicas: 3 }, { autoscaling: { enabled: true } }, false],
  ['what stands beside servers', {}, { autoscaling: { enabled: true } }, true],
])('how many pods there are, %s says: %j over %j', async (_title, entry, beside, isScaled) => {
  expect(has(await withPetShop(entry, beside), 'HorizontalPodAutoscaler', 'mcp2-pet-shop')).toBe(isScaled);
});

test.each([
  ['512Mi', [], 384],
  ['512Mi', [{ file: 'a.mjs' }], 192],
  // One pool for each file: the largest counts.
  ['1Gi', [{ file: 'a.mjs' }, { file: 'a.mjs', memory: '64Mi', processes: 1 }, { file: 'b.mjs', processes: 1 }], 480],
])("of a limit of %s the processes of modules %j are left out of Node's heap", async (memory, modules, mebibytes) => {
  const tools = modules.map((module, i) => ({ name: `tool_${i}`, module }));
  const objects = await withPetShop({ config: { ...PET_SHOP, tools }, resources: { limits: { memory } } });
  expect(environmentOf(objects, 'mcp2-pet-shop').NODE_OPTIONS).toBe(`--max-old-space-size=${mebibytes}`);
});

test('who brings certificates names the Secret at the entry, or uses the usual name', async () => {
  const servers = {
    petShop: { config: PET_SHOP, certificateSecret: 'mine' },
    other: { config: serverCalled('Other') },
  };
  const objects = await renderChart({ values: { tls: { mode: 'existingSecret' }, contextTool: { servers } } });
  const secret = (name: string) =>
    podOf(objects, name).volumes.find((volume: { name: string }) => volume.name === 'tls').secret.secretName;
  expect([secret('mcp2-pet-shop'), secret('mcp2-other')]).toEqual(['mine', 'mcp2-other-tls']);
});

test('cert-manager makes a certificate for each', async () => {
  const objects = await render({ file: 'cert-manager' });
  const { spec } = find(objects, 'Certificate', 'mcp2-inventory-tls');
  expect(spec.dnsNames).toContain('mcp2-inventory.mcp2-system.svc');
  expect(has(objects, 'Certificate', 'mcp2-pricing-tls')).toBe(true);
});

test('NOTES print an Mcp2Server for each, as the example has it, and say what does not last', async () => {
  const said = await notes('--set', 'contextTool.sample=true');
  const [, printed = ''] = /<<EOF\n([\s\S]*?)\nEOF\n/.exec(said) ?? [];
  const wanted = documents(readFileSync(join(ROOT, 'examples/kubernetes/mcp2server-inventory.yaml'), 'utf8'));
  for (const { spec } of wanted) {
    expect(spec.registration).toEqual({ visibility: { from: 'All' } });
    delete spec.registration;
  }
  expect(documents(printed)).toEqual(wanted);
  expect(said).toContain('mcp2 lookup db:inventory:read --token-file -');
  expect(said).toContain('inventory: what is written to its SQLite files ends with the pod');
  expect(said).not.toMatch(/pricing: what is written/);
});

test('NOTES say which claims stay', async () => {
  const said = await notes('--values', join(CHART, 'ci/everything-values.yaml'));
  expect(said).toContain('delete pvc discovery-pet-shop'.replace('discovery', 'mcp2'));
  expect(said).not.toMatch(/pet-shop: what is written/);
});

test('values of the sample server of former charts are taken, change nothing, and NOTES say what took their place', async () => {
  const former = ['sample.enabled=true', 'sample.settings.serverName=Stock', 'tls.existingSecrets.sample=a'];
  expect(await render({ set: former })).toEqual(await render());
  expect(await notes('--set', former.join(','))).toContain('contextTool.sample, true or false, has taken their place');
  expect(await notes()).not.toContain('former chart');
});

test('no entry can have a name that something else in the release has', async () => {
  const set = [
    'etcd.snapshot.enabled=true',
    'eventBus.repair.restore=a.db',
    'tls.mode=certManager',
    'monitoring.dashboard.enabled=true',
  ];
  const [objects, jobs] = await Promise.all([render({ set, file: 'production' }), render()]);
  const made = [...objects, ...jobs].flatMap(({ kind, metadata, spec }) => [
    metadata.name,
    ...(kind === 'Job' || kind === 'CronJob'
      ? []
      : [`mcp2-${metadata.labels?.['app.kubernetes.io/component'] ?? 'ca'}`]),
    ...(spec?.secretName === undefined ? [] : [spec.secretName as string]),
  ]);
  const names = made.flatMap((name) => /^mcp2-([a-z-]+?)(?:-tls)?(?::.*)?$/.exec(name)?.[1] ?? []);
  expect(new Set(names).size).toBeGreaterThan(20);
  for (const name of new Set(names)) {
    const key = name.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
    const values = { contextTool: { servers: { [key]: { config: PET_SHOP } } } };
    const rendered = renderChart({ values }).then(() => 'rendered');
    await expect(rendered, name).rejects.toThrow(
      `contextTool.servers.${key}: mcp2-${name} is the name of something else in this release`,
    );
  }
});

const FILE = { file: '/var/lib/mcp2/pets.db' };
const WITH_INIT = { ...PET_SHOP, databases: { pets: { sqlite: { ...FILE, init: ['pets.sql'] } } } };
const WITH_TOOL = { ...PET_SHOP, databases: { pets: { sqlite: FILE } }, tools: [TOOL] };
const READ_ALONE = { ...PET_SHOP, databases: { pets: { sqlite: FILE } } };
const MODULE = { ...PET_SHOP, tools: [{ name: 'feed', module: { file: 'feed.mjs', memory: '256Mi' } }] };
const SCALED = { autoscaling: { enabled: true } };

test.each([
  [{ config: {} }, 'petShop.config is missing: write the server’s'],
  [{ config: 'a: [' }, 'petShop.config is no YAML'],
  [{ config: 'server: {version: "1"}' }, 'petShop.config: server.name is missing'],
  [{ config: WITH_INIT }, '2 pods would have a file of their own for the SQLite database pets'],
  [{ config: WITH_TOOL, replicas: 3 }, '3 pods would have a file of their own for the SQLite database pets'],
  [{ config: WITH_TOOL, ...SCALED }, 'a number of pods that follows the load would have a file of their own'],
  [{ persistence: { size: '1Gi' } }, 'petShop.persistence is the volume of one pod, and 2 pods would use it: set'],
  [{ persistence: { existingClaim: 'a' }, ...SCALED }, 'set contextTool.servers.petShop.replicas to 1 and'],
  [{ config: MODULE, resources: { limits: { memory: '512Mi' } } }, 'may use 512Mi (processes x memory of each module'],
  [{ config: READ_ALONE, resources: { limits: { memory: '256Mi' } } }, 'other processes may use 120Mi'],
  [{ resources: { limits: { memory: '128Mi' } } }, 'limits.memory is 128Mi, but the server needs 160Mi'],
  [{ modules: { 'server.yaml': '' } }, 'petShop.modules: server.yaml is the name of another file'],
  [{ modules: { 'a.sql': '' }, sql: { 'a.sql': '' } }, 'petShop.modules: a.sql is the name of another file'],
])('%j is refused: %s', async (entry, said) => {
  await expect(withPetShop(entry)).rejects.toThrow(said.replace('’', "'"));
});

test.each([
  ['a file that is only read', { config: READ_ALONE }],
  ['one pod', { config: WITH_INIT, replicas: 1 }],
  ['a limit that holds all', { config: MODULE, resources: { limits: { memory: '672Mi' } } }],
  ['no limit', { config: MODULE }, { resources: { limits: null } }],
])('%s is taken', async (_title, entry, beside: object = {}) => {
  expect(has(await withPetShop(entry, beside), 'Deployment', 'mcp2-pet-shop')).toBe(true);
});

test('two entries of one server name are refused', async () => {
  const servers = { a: { config: PET_SHOP }, b: { config: PET_SHOP } };
  await expect(renderChart({ values: { contextTool: { servers } } })).rejects.toThrow(
    'contextTool.servers.b.config: server.name PetShop is that of a too',
  );
});

test.each(['pet_shop', 'pet-shop', 'PetShop', '1pet'])('an entry cannot be called %s', async (name) => {
  const servers = { [name]: { config: PET_SHOP } };
  await expect(renderChart({ values: { contextTool: { servers } } })).rejects.toThrow(
    `contextTool.servers.${name}: the name of an entry must be camelCase, of letters and digits, for example petShop`,
  );
});

test('a name that makes the Service’s too long is refused', async () => {
  const set = ['fullnameOverride=a-name-of-40-characters-that-is-the-most'];
  const config = `contextTool.servers.${'x'.repeat(30)}.config`;
  await expect(render({ set: [...set, `${config}.server.name=A`, `${config}.server.version=b`] })).rejects.toThrow(
    'has 71 characters, and 63 is the most that Kubernetes takes',
  );
});

test.each([
  ['petShop.replica=1', "additional properties 'replica' not allowed"],
  ['petShop.settings.a=1', "additional properties 'settings' not allowed"],
  ['petShop.sample=true', "additional properties 'sample' not allowed"],
  ['petShop.persistence.size=8', "at '/contextTool/servers/petShop/persistence/size': got number, want string"],
  ['petShop.config.tool=x', "at '/contextTool/servers/petShop/config': additional properties 'tool' not allowed"],
  [
    'petShop.config.contexts[0].key=a,contextTool.servers.petShop.config.contexts[0].query.sqll=b',
    "at '/contextTool/servers/petShop/config/contexts/0/query': additional properties 'sqll' not allowed",
  ],
  ['petShop.secrets.A_B=x', "at '/contextTool/servers/petShop/secrets': additional properties 'A_B' not allowed"],
  ['petShop.modules.a/b=x', "at '/contextTool/servers/petShop/modules': additional properties 'a/b' not allowed"],
])('the schema refuses contextTool.servers.%s: %s', async (assignment, said) => {
  await expect(render({ set: [`contextTool.servers.${assignment}`] })).rejects.toThrow(said);
});

// biome-ignore lint/suspicious/noExplicitAny: manifests
function documents(text: string): any[] {
  return parseAllDocuments(text).map((document) => document.toJS());
}

async function notes(...args: readonly string[]): Promise<string> {
  const said = await helm('install', 'mcp2', CHART, '-n', NAMESPACE, '--dry-run=client', ...args);
  return said.slice(said.indexOf('NOTES:'));
}
