/** The event bus: one pod with its log in a volume, what it is told, its backups and repairs, and what is refused of it. */
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../services/event-bus/config.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { CHART, containersOf, find, has, helm, NAMESPACE, podTemplates, render, renderText } from './chart.ts';
import { renderChart } from './render.ts';

const BUS = ['StatefulSet', 'mcp2-event-bus'] as const;
const GIB = 1024 ** 3;

let objects: readonly KubeObject[];
let withBackups: readonly KubeObject[];

beforeAll(async () => {
  [objects, withBackups] = await Promise.all([render(), render({ set: ['eventBus.backup.enabled=true'] })]);
});

// biome-ignore lint/suspicious/noExplicitAny: a PodSpec belongs to the API server
const podOf = (rendered: readonly KubeObject[]): any => find(rendered, ...BUS).spec.template.spec;

function environmentOf(rendered: readonly KubeObject[]): Record<string, string> {
  const { env } = podOf(rendered).containers[0] as { env: readonly { name: string; value: string }[] };
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

/** As the process reads it; of what the chart takes from elsewhere the test says something. */
function settingsOf(rendered: readonly KubeObject[]) {
  const files = { MCP2_TLS_CERT_FILE: undefined, MCP2_TLS_KEY_FILE: undefined, MCP2_JWKS_FILE: undefined };
  return readConfig({
    ...environmentOf(rendered),
    ...files,
    MCP2_ISSUER: 'mcp2:test',
    MCP2_JWKS_URL: 'https://issuer.example/jwks',
  });
}

test('it is one pod with a volume that stays, and a Service', () => {
  const { spec } = find(objects, ...BUS);
  expect(spec).toMatchObject({
    replicas: 1,
    podManagementPolicy: 'Parallel',
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
  });
  const [claim, ...more] = spec.volumeClaimTemplates;
  expect(more).toEqual([]);
  expect(claim.spec).toEqual({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '15Gi' } } });
  expect(find(objects, 'Service', 'mcp2-event-bus').spec.ports).toEqual([
    { name: 'grpc', port: 50052, targetPort: 'grpc' },
  ]);
  // No drain may wait for ever for the only pod.
  expect(find(objects, 'PodDisruptionBudget', 'mcp2-event-bus').spec.maxUnavailable).toBe(1);
});

test('a pod that reads a large log through has ten minutes, and a minute to close it', () => {
  const { terminationGracePeriodSeconds, containers } = podOf(objects);
  expect(terminationGracePeriodSeconds).toBe(60);
  const { startupProbe, lifecycle } = containers[0];
  expect(startupProbe).toMatchObject({ httpGet: { path: '/livez' }, periodSeconds: 1, failureThreshold: 600 });
  expect(lifecycle).toBeUndefined();
});

test('the process takes what the chart tells it, and large numbers stay what they are', async () => {
  const told = settingsOf(objects);
  expect(told.log).toMatchObject({
    folder: '/var/lib/mcp2/events',
    retentionMs: 168 * 3_600_000,
    retentionBytes: 10 * GIB,
  });
  expect(told.schemasFile).toBeUndefined();
  const values = {
    eventBus: {
      persistence: { size: '3Ti' },
      log: {
        ...{ retention: '24h', retentionBytes: 2048 * GIB, retentionEventsPerTopic: 1_000_000_000 },
        ...{ dedupWindow: '10m', maxTopics: 5_000 },
      },
      quotas: {
        ...{ publishesPerSecond: 1, publishBurst: 2, bytesPerSecond: 2_000_000, byteBurst: 4_000_000 },
        ...{ subscriptions: 5, durables: 6, newTopicsPerMinute: 7 },
      },
      settings: { tailBytes: 2_097_152, slowConsumerAfter: '30s' },
    },
  };
  expect(settingsOf(await renderChart({ values }))).toMatchObject({
    tailBytes: 2_097_152,
    slowConsumerAfterMs: 30_000,
    quotas: {
      ...{ publishesPerSecond: 1, publishBurst: 2, bytesPerSecond: 2_000_000, byteBurst: 4_000_000 },
      ...{ subscriptions: 5, newTopicsPerMinute: 7 },
    },
    log: {
      ...{ retentionMs: 86_400_000, retentionBytes: 2048 * GIB, retentionEventsPerTopic: 1_000_000_000 },
      ...{ dedupWindowMs: 600_000, maxTopics: 5_000, durablesPerOwner: 6 },
    },
  });
});

test('what the newest events and the threads of the log take is left out of Node’s heap', async () => {
  expect(environmentOf(objects).NODE_OPTIONS).toBe('--max-old-space-size=576');
  const tail = await render({ set: ['eventBus.settings.tailBytes=134217728'] });
  expect(environmentOf(tail).NODE_OPTIONS).toBe('--max-old-space-size=528');
});

test('schemas are files beside their list, as text or as maps, and a change rolls the pod', async () => {
  const schema = { type: 'object', properties: { left: { type: 'integer', maximum: 1_000_000 } } };
  const schemas = [
    { topics: 'inventory:*:low_stock', schema },
    { topics: 'orders:*', schema: '{"type": "string"}' },
  ];
  const rendered = await renderChart({ values: { eventBus: { schemas } } });
  const { data } = find(rendered, 'ConfigMap', 'mcp2-event-bus-schemas');
  expect(parse(data['schemas.yaml'])).toEqual({
    schemas: [
      { topics: 'inventory:*:low_stock', file: 'schema-0.json' },
      { topics: 'orders:*', file: 'schema-1.json' },
    ],
  });
  expect([data['schema-0.json'], data['schema-1.json']].map((text) => JSON.parse(text))).toEqual([
    schema,
    { type: 'string' },
  ]);
  expect(settingsOf(rendered).schemasFile).toBe('/etc/mcp2/schemas/schemas.yaml');
  expect(podOf(rendered).containers[0].volumeMounts).toContainEqual({
    ...{ name: 'schemas', mountPath: '/etc/mcp2/schemas', readOnly: true },
  });
  const checksum = (from: readonly KubeObject[]) =>
    find(from, ...BUS).spec.template.metadata.annotations['checksum/config'];
  const changed = await renderChart({ values: { eventBus: { schemas: schemas.slice(1) } } });
  expect(new Set([objects, rendered, changed].map(checksum)).size).toBe(3);
});

test('a claim of yours takes the place of the volume, and without one events end with the pod', async () => {
  const claimed = await render({ set: ['eventBus.persistence.existingClaim=mine', 'eventBus.backup.enabled=true'] });
  expect(find(claimed, ...BUS).spec.volumeClaimTemplates).toBeUndefined();
  const data = { name: 'data', persistentVolumeClaim: { claimName: 'mine' } };
  expect(podOf(claimed).volumes).toContainEqual(data);
  expect(find(claimed, 'CronJob', 'mcp2-bus-backup').spec.jobTemplate.spec.template.spec.volumes).toContainEqual(data);
  const without = await render({ set: ['eventBus.persistence.enabled=false'] });
  expect(podOf(without).volumes).toContainEqual({ name: 'data', emptyDir: {} });
});

test('clients find it in the trust ConfigMap, servers of the context-tool and `mcp2` in its pod by their environment', async () => {
  const address = 'mcp2-event-bus.mcp2-system.svc:50052';
  const setup = (rendered: readonly KubeObject[], name: string) =>
    find(rendered, 'Job', name).spec.template.spec.containers[0].env as readonly object[];
  expect(setup(objects, 'mcp2-setup')).toContainEqual({ name: 'MCP2_SETUP_EVENT_BUS', value: address });
  expect(environmentOf(objects)).toMatchObject({
    MCP2_EVENT_BUS_ADDRESS: address,
    MCP2_CA_FILE: '/etc/mcp2/tls/ca.crt',
  });
  const sample = await render({ set: ['contextTool.sample=true'] });
  const { env } = find(sample, 'Deployment', 'mcp2-pricing').spec.template.spec.containers[0];
  expect(env).toContainEqual({ name: 'MCP2_EVENT_BUS_ADDRESS', value: address });
});

test('where it is not installed nobody is told of it', async () => {
  const text = await renderText({ set: ['eventBus.enabled=false', 'contextTool.sample=true'] });
  expect(text).toContain('name: MCP2_SETUP_EVENT_BUS\n              value: ""');
  expect(text.replaceAll('MCP2_SETUP_EVENT_BUS', '')).not.toMatch(/event-bus|eventBus:|EVENT_BUS/);
});

test('values of a chart that had none are taken, and NOTES say how it comes', async () => {
  const former = ['eventBus=null', 'componentDefaults.persistence.existingClaim=null'];
  expect(await renderText({ set: former })).toBe(await renderText({ set: ['eventBus.enabled=false'] }));
  expect(await notes('--set', former.join(','))).toContain('--reset-then-reuse-values takes it in');
  expect(await notes('--set', 'eventBus.enabled=false')).not.toContain('There is no event bus');
});

test('values that are for several pods of all components leave it one', async () => {
  for (const set of [['componentDefaults.replicas=3'], ['componentDefaults.autoscaling.enabled=true']]) {
    const rendered = await render({ set });
    expect(find(rendered, ...BUS).spec.replicas).toBe(1);
    expect(has(rendered, 'HorizontalPodAutoscaler', 'mcp2-event-bus')).toBe(false);
  }
});

test('a backup is written beside the bus, from its volume to another, and the oldest go after the newest is there', () => {
  const { spec } = find(withBackups, 'CronJob', 'mcp2-bus-backup');
  expect(spec).toMatchObject({ schedule: '37 1 * * *', timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' });
  const { metadata, spec: pod } = spec.jobTemplate.spec.template;
  expect(containersOf({ owner: '', metadata, spec: pod }).map(({ name, args }) => [name, args])).toEqual([
    ['tidy', ['etcd', 'prune']],
    ['save', ['bus', 'backup', '/backups/$(POD_NAME).db']],
    ['prune', ['etcd', 'prune']],
  ]);
  const [, save] = containersOf({ owner: '', metadata, spec: pod });
  expect(save?.env).toContainEqual({ name: 'MCP2_EVENT_BUS_LOG_DIR', value: '/var/lib/mcp2/events' });
  expect(save?.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual([
    ...['/tmp', '/var/lib/mcp2', '/backups'],
  ]);
  expect(pod.volumes.slice(1)).toEqual([
    { name: 'data', persistentVolumeClaim: { claimName: 'data-mcp2-event-bus-0' } },
    { name: 'backups', persistentVolumeClaim: { claimName: 'mcp2-bus-backups' } },
  ]);
  // The volume is one node's, and no client's call may end in this pod.
  const [term] = pod.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  expect(term.topologyKey).toBe('kubernetes.io/hostname');
  expect(find(withBackups, ...BUS).spec.template.metadata.labels).toMatchObject(term.labelSelector.matchLabels);
  expect(metadata.labels['app.kubernetes.io/component']).toBe('event-bus-maintenance');
});

test('one backup is written at install, so that its claim is bound; the claim stays at uninstall', async () => {
  const jobs = withBackups.filter(
    ({ kind, metadata: { name } }) => kind === 'Job' && name.startsWith('mcp2-bus-backup'),
  );
  expect(jobs).toHaveLength(1);
  const claim = find(withBackups, 'PersistentVolumeClaim', 'mcp2-bus-backups');
  expect(claim.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
  expect(claim.spec.resources.requests.storage).toBe('60Gi');
  const said = await notes('--set', 'eventBus.backup.enabled=true');
  expect(said).toContain('delete pvc mcp2-bus-backups');
  expect(said).toContain('delete pvc -l app.kubernetes.io/instance=mcp2,app.kubernetes.io/component=event-bus');
  expect(said).not.toContain('there are no backups of events');
  expect(await notes()).toContain('there are no backups of events');
  const given = await render({ set: ['eventBus.backup.enabled=true', 'eventBus.backup.existingClaim=mine'] });
  expect(has(given, 'PersistentVolumeClaim', 'mcp2-bus-backups')).toBe(false);
  expect(JSON.stringify(find(given, 'CronJob', 'mcp2-bus-backup'))).toContain('"claimName":"mine"');
});

test.each([
  ['repair.restore=a.db', 'restore', ['bus', 'restore', '/backups/a.db', '--yes'], ['data', 'backups']],
  ['repair.acceptLoss=true', 'accept-loss', ['bus', 'accept-loss', '--yes'], ['data']],
])('%s takes the bus’ pod away while a job works on the log', async (assignment, name, args, volumes) => {
  const rendered = await render({ set: [`eventBus.${assignment}`, 'eventBus.backup.enabled=true'] });
  expect(find(rendered, ...BUS).spec.replicas).toBe(0);
  expect(has(rendered, 'CronJob', 'mcp2-bus-backup')).toBe(false);
  const { spec } = find(rendered, 'Job', `mcp2-bus-${name}`).spec.template;
  expect(spec.containers.map(({ name: called, args: words }: KubeObject) => [called, words])).toEqual([[name, args]]);
  expect(spec.volumes.map(({ name: volume }: { name: string }) => volume)).toEqual(['tmp', ...volumes]);
  expect(spec.affinity).toBeUndefined();
  expect(await notes('--set', `eventBus.${assignment}`)).toContain('THE EVENT LOG IS BEING MENDED');
});

test('its own affinity is kept where a log is repaired, and no pod of a job is one of the bus’', async () => {
  const set = ['eventBus.affinity.nodeAffinity.none=true', 'eventBus.repair.restore=a.db', 'eventBus.nodeSelector.a=b'];
  const { spec } = find(await render({ set }), 'Job', 'mcp2-bus-restore').spec.template;
  expect(spec.affinity).toEqual({ nodeAffinity: { none: true } });
  expect(spec.nodeSelector).toEqual({ a: 'b', 'kubernetes.io/os': 'linux' });
  const selector = find(withBackups, 'Service', 'mcp2-event-bus').spec.selector as Record<string, string>;
  const selected = podTemplates(withBackups).filter(({ metadata: { labels } }) =>
    Object.entries(selector).every(([name, value]) => labels?.[name] === value),
  );
  expect(selected.map(({ owner }) => owner)).toEqual(['StatefulSet mcp2-event-bus']);
});

const SIZE = 'and the volume must hold 1.5 times as much';

test.each([
  [
    ['persistence.size=14Gi'],
    `size is 14Gi, but eventBus.log.retentionBytes is 10737418240 (10240Mi), ${SIZE}, 15360Mi`,
  ],
  [
    ['log.retentionBytes=10737418241'],
    `is 10737418241 (10240Mi), ${SIZE}, 15361Mi: make it larger, or keep fewer bytes`,
  ],
  [['replicas=null'], 'eventBus.replicas would be 2: the log is embedded in one pod'],
  [['autoscaling.enabled=true'], 'eventBus.autoscaling: the log is embedded in one pod'],
  [
    ['replicas=null', 'autoscaling.enabled=true'],
    'set eventBus.replicas to 1 and eventBus.autoscaling.enabled to false',
  ],
  [['persistence.enabled=false', 'backup.enabled=true'], 'eventBus.backup needs eventBus.persistence.enabled'],
  [['persistence.enabled=false', 'repair.acceptLoss=true'], 'eventBus.repair needs eventBus.persistence.enabled'],
  [['repair.restore=a.db', 'repair.acceptLoss=true'], 'eventBus.repair.acceptLoss are both set'],
])('--set eventBus.%j is refused: %s', async (assignments, said) => {
  await expect(render({ set: assignments.map((assignment) => `eventBus.${assignment}`) })).rejects.toThrow(said);
});

test.each([
  ['a volume of just the size', ['persistence.size=15360Mi']],
  ['a volume of 2 Ti', ['persistence.size=2Ti', 'log.retentionBytes=1099511627776']],
  ['a claim of yours, whose size nobody knows', ['persistence.existingClaim=mine', 'persistence.size=1Gi']],
  ['a folder of the pod', ['persistence.enabled=false', 'persistence.size=1Gi']],
  ['what is not installed', ['enabled=false', 'persistence.size=1Gi']],
])('%s is taken', async (_title, assignments) => {
  const rendered = await render({ set: assignments.map((assignment) => `eventBus.${assignment}`) });
  expect(rendered.length).toBeGreaterThan(20);
});

test('past the schema, more pods than one are refused', async () => {
  const args = ['--skip-schema-validation'];
  await expect(render({ set: ['eventBus.replicas=3'], args })).rejects.toThrow(
    'eventBus.replicas would be 3: the log is embedded in one pod, and what is published to another would not be in it',
  );
});

test.each([
  ['replicas=2', "at '/eventBus/replicas': maximum: got 2, want 1"],
  ['log.retention=7d', "at '/eventBus/log/retention': '7d' does not match pattern"],
  ['log.retentionByte=1', "at '/eventBus/log': additional properties 'retentionByte' not allowed"],
  ['quotas.publishes=1', "at '/eventBus/quotas': additional properties 'publishes' not allowed"],
  ['persistence.storageClass=a', "at '/eventBus/persistence': additional properties 'storageClass' not allowed"],
  ['schemas[0].topics=a:*', "at '/eventBus/schemas/0': missing property 'schema'"],
  ['schemas[0].file=a', "additional properties 'file' not allowed"],
  ['repair.restore=../a.db', "at '/eventBus/repair/restore': '../a.db' does not match pattern"],
  ['backup.keep=0', "at '/eventBus/backup/keep': minimum: got 0, want 1"],
])('the schema refuses eventBus.%s: %s', async (assignment, said) => {
  await expect(render({ set: [`eventBus.${assignment}`] })).rejects.toThrow(said);
});

const SHOP = 'server: {name: PetShop, version: 1.0.0}\n';
const EVENTS = `${SHOP}events: [{database: pets, topics: ["pets:*"]}]\n`;
const TELEMETRY = `${SHOP}telemetry: [{stream: "barn:cats", topic: "pets:cats"}]\n`;

test.each([
  ['events', EVENTS],
  ['telemetry of a topic', TELEMETRY],
])('a server with %s and no token is refused', async (what, config) => {
  const servers = { petShop: { config } };
  await expect(renderChart({ values: { contextTool: { servers } } })).rejects.toThrow(
    `contextTool.servers.petShop.config has ${what}, for which the server needs a token that the event bus takes: set contextTool.servers.petShop.token to {secretName, key} of a Secret whose token you renew; the token service will do this`,
  );
});

test('with a token that you renew a server may publish', async () => {
  const servers = { petShop: { config: EVENTS, token: { secretName: 'pet-shop-token' } } };
  const { spec } = find(await renderChart({ values: { contextTool: { servers } } }), 'Deployment', 'mcp2-pet-shop');
  const items = [{ key: 'token', path: 'token' }];
  expect(spec.template.spec.volumes).toContainEqual({
    ...{ name: 'token', secret: { secretName: 'pet-shop-token', defaultMode: 0o440, items } },
  });
  const { volumeMounts } = spec.template.spec.containers[0];
  expect(volumeMounts).toContainEqual({ name: 'token', mountPath: '/var/run/mcp2', readOnly: true });
});

test('a token that the configuration itself names will do', async () => {
  const config = `${EVENTS}token: {fromFile: /etc/mcp2/secrets/bus/token}\n`;
  const rendered = await renderChart({ values: { contextTool: { servers: { petShop: { config } } } } });
  expect(has(rendered, 'Deployment', 'mcp2-pet-shop')).toBe(true);
});

async function notes(...args: readonly string[]): Promise<string> {
  const said = await helm('install', 'mcp2', CHART, '-n', NAMESPACE, '--dry-run=client', ...args);
  return said.slice(said.indexOf('NOTES:'));
}
