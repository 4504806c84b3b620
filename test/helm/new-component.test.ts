/**
 * A component that nobody has, of two words, is added to the chart by the three edits of CONTRIBUTING.md; all else that a
 * component needs follows from its traits.
 */
import { beforeAll, expect, test } from 'vitest';
import { readSetupConfig, type SetupConfig } from '../../operator/setup/config.ts';
import { keyRightsOf } from '../../operator/setup/store-rights.ts';
import { wantedCertificates, wantedEtcdCertificates } from '../../operator/setup/wanted-certificates.ts';
import { ensureTools } from '../cluster/tools.ts';
import { chartComponents } from '../harness/chart-traits.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { find, has, helm, NAMESPACE, render, renderText } from './chart.ts';
import { BOARD_READER, NEWS_BOARD } from './made-up-board.ts';
import { chartWith } from './made-up-component.ts';
import { allowedFlows, describeFlow, peersOf, portsOf } from './network-traffic.ts';

const MONITORED = ['monitoring.podMonitors.enabled=true', 'monitoring.rules.enabled=true'];

let chart: string;
let objects: readonly KubeObject[];

beforeAll(async () => {
  chart = chartWith(NEWS_BOARD, BOARD_READER);
  objects = await render({ chart, set: MONITORED });
});

test('what is made from it bears its name in kebab case, and so does its process', async () => {
  const own = objects.filter(({ metadata: { labels } }) => labels?.['app.kubernetes.io/component'] === 'news-board');
  expect(own.map(({ kind, metadata: { name } }) => `${kind} ${name}`).sort()).toEqual(
    ['NetworkPolicy', 'PodDisruptionBudget', 'PodMonitor', 'Service', 'ServiceAccount', 'StatefulSet'].map(
      (kind) => `${kind} mcp2-news-board`,
    ),
  );
  expect(containerOf('StatefulSet', 'mcp2-news-board')).toMatchObject({ name: 'news-board', args: ['news-board'] });
  expect(await renderText({ chart, set: MONITORED })).not.toContain('newsBoard');
});

test('where it is not installed the chart renders what it rendered without it', async () => {
  expect(await renderText({ chart, set: ['newsBoard.enabled=false', 'boardReader.enabled=false'] })).toBe(
    await renderText(),
  );
});

test('the schema is made anew and takes what componentDefaults has, and its Secrets', async () => {
  expect(await helm('lint', '--strict', chart)).toContain('0 chart(s) failed');
  const taken = [
    'logLevel=debug',
    'persistence.size=1Gi',
    'service.type=NodePort',
    'podLabels.a=b',
    'settings.retention=1h',
  ];
  const set = taken.map((assignment) => `newsBoard.${assignment}`);
  const secrets = ['tls.existingSecrets.newsBoard=a', 'tls.existingSecrets.newsBoardEtcd=b'];
  const { spec } = find(await render({ chart, set: [...set, ...secrets, 'tls.mode=existingSecret'] }), ...STATEFUL_SET);
  expect(JSON.stringify(spec.template.spec.volumes)).toContain('"secretName":"a"');
  expect(JSON.stringify(spec.template.spec.volumes)).toContain('"secretName":"b"');
});

test.each([
  ['newsBoard.replica=1', "at '/newsBoard': additional properties 'replica' not allowed"],
  ['newsBoard.replicas=2', "at '/newsBoard/replicas': maximum: got 2, want 1"],
  ['newsBoard.updateStrategy.type=Recreate', "at '/newsBoard': additional properties 'updateStrategy' not allowed"],
  ['boardReader.service.port=1', "at '/boardReader': additional properties 'service' not allowed"],
  ['boardReader.persistence.size=1Gi', "at '/boardReader': additional properties 'persistence' not allowed"],
])('--set %s is refused: %s', async (set, said) => {
  await expect(render({ chart, set: [set] })).rejects.toThrow(said);
});

test('it may call whom its traits name, and those may be called who are called', async () => {
  const components = chartComponents(chart);
  const peers = peersOf(components);
  const ports = portsOf(components);
  const everybody = [...peers.keys()];
  const flows = ['news-board', 'board-reader'].flatMap((from) =>
    everybody.flatMap((to) => ports.map((port) => ({ from, to, port }))),
  );
  const policies = (await render({ chart, set: ['networkPolicy.apiServer.cidrs={203.0.113.1/32}'] })).filter(
    ({ kind }) => kind === 'NetworkPolicy',
  );
  const cyclonus = (await ensureTools()).path('cyclonus');
  expect((await allowedFlows(cyclonus, policies, flows, peers)).map(describeFlow).sort()).toEqual([
    'board-reader -> api-server 443/TCP',
    'board-reader -> api-server 6443/TCP',
    'board-reader -> dns 53/TCP',
    'board-reader -> dns 53/UDP',
    'board-reader -> news-board 50072/TCP',
    'news-board -> dns 53/TCP',
    'news-board -> dns 53/UDP',
    'news-board -> etcd 2379/TCP',
    'news-board -> registry 50050/TCP',
  ]);
});

test('it knows where those are that it calls, and whom to trust', () => {
  const board = environmentOf('StatefulSet', 'mcp2-news-board');
  expect(board).toMatchObject({
    MCP2_REGISTRY_ADDRESS: 'mcp2-registry.mcp2-system.svc:50050',
    MCP2_CA_FILE: '/etc/mcp2/trust/ca.crt',
    MCP2_CLIENT_CERT_FILE: '/etc/mcp2/tls/tls.crt',
    MCP2_CLIENT_KEY_FILE: '/etc/mcp2/tls/tls.key',
    MCP2_NEWS_BOARD_RETENTION: '24h',
  });
  const reader = environmentOf('Deployment', 'mcp2-board-reader');
  expect(reader.MCP2_NEWS_BOARD_ADDRESS).toBe('mcp2-news-board.mcp2-system.svc:50072');
  expect(Object.keys(reader).filter((name) => /OPERATOR|CLIENT_CERT|ETCD/.test(name))).toEqual([]);
});

test('the jobs make its certificates, and may', () => {
  const config = setupConfig();
  const wanted = [...wantedCertificates(config), ...wantedEtcdCertificates(config)];
  const own = wanted.filter(({ secret }) => /news-board|board-reader/.test(secret));
  expect(own.map(({ secret, commonName, purposes }) => [secret, commonName, ...purposes])).toEqual([
    ['mcp2-news-board-tls', 'mcp2-news-board', 'server', 'client'],
    ['mcp2-news-board-etcd-tls', 'mcp2-news-board', 'client'],
  ]);
  expect(own[0]?.names).toContain('DNS:mcp2-news-board.mcp2-system.svc');
  const allowed = JSON.stringify(find(objects, 'Role', 'mcp2-setup').rules);
  for (const { secret } of wanted) expect(allowed).toContain(`"${secret}"`);
});

test('cert-manager makes the same certificates', async () => {
  const made = await render({ chart, set: ['tls.mode=certManager'] });
  const { spec } = find(made, 'Certificate', 'mcp2-news-board-tls');
  expect(spec.usages).toEqual(['digital signature', 'server auth', 'client auth']);
  expect(spec.dnsNames).toContain('mcp2-news-board.mcp2-system.svc');
  expect(find(made, 'Certificate', 'mcp2-news-board-etcd-tls').spec.commonName).toBe('mcp2-news-board');
});

test('its user in etcd has the rights of its traits, and an etcd of yours takes a Secret for it', async () => {
  const { storeRights, storePrefix: prefix } = setupConfig();
  const rights = keyRightsOf('news-board', storeRights, { prefix, installationId: 'id-1' });
  expect(rights.map(({ kind, key, isPrefix }) => `${kind} ${key}${isPrefix ? '*' : ''}`)).toEqual([
    'read /mcp2/v1/instances/*',
    'write /mcp2/v1.news/*',
    'write /mcp2/v1/operators/id-1/board',
  ]);
  const etcd = ['mode=external', 'external.endpoints={https://e:2379}', 'external.existingSecret=all'];
  const set = [...etcd, 'external.newsBoardSecret=own'].map((assignment) => `etcd.${assignment}`);
  const { spec } = find(await render({ chart, set }), ...STATEFUL_SET);
  expect(JSON.stringify(spec.template.spec.volumes)).toContain('"secretName":"own"');
});

test('it has the rights in the API server that its traits list, where they say', () => {
  const grants = objects.filter(({ kind, metadata: { name } }) => /Role$/.test(kind) && name.includes('board'));
  expect(grants.map(({ kind, metadata: { name }, rules }) => [kind, name, JSON.stringify(rules)])).toEqual([
    ['ClusterRole', `mcp2-board-reader:${NAMESPACE}`, expect.stringContaining('"services"')],
    ['Role', 'mcp2-board-reader', expect.stringContaining('"resourceNames":["board"]')],
  ]);
  const mounts = (kind: string, name: string) =>
    find(objects, kind, name).spec.template.spec.automountServiceAccountToken as boolean;
  expect([mounts('Deployment', 'mcp2-board-reader'), mounts(...STATEFUL_SET)]).toEqual([true, false]);
});

test('it is scraped, and the alerts about all processes are about it too', () => {
  expect(has(objects, 'PodMonitor', 'mcp2-board-reader')).toBe(true);
  const alerts = JSON.stringify(find(objects, 'PrometheusRule', 'mcp2').spec);
  expect(alerts).toContain('mcp2-(board-reader|etcd|event-bus|news-board|operator|registry)');
});

test('each of its pods keeps a volume, or none where that is off', async () => {
  const { spec } = find(objects, ...STATEFUL_SET);
  const [claim] = spec.volumeClaimTemplates;
  expect(claim).toMatchObject({ metadata: { name: 'data' }, spec: { resources: { requests: { storage: '8Gi' } } } });
  expect(containerOf(...STATEFUL_SET).volumeMounts).toContainEqual({ name: 'data', mountPath: '/var/lib/mcp2' });
  expect(environmentOf(...STATEFUL_SET).MCP2_NEWS_BOARD_FOLDER).toBe('/var/lib/mcp2');
  const without = find(await render({ chart, set: ['newsBoard.persistence.enabled=false'] }), ...STATEFUL_SET).spec;
  expect(without.volumeClaimTemplates).toBeUndefined();
  expect(without.template.spec.volumes).toContainEqual({ name: 'data', emptyDir: {} });
  const notes = await helm('install', 'mcp2', chart, '-n', NAMESPACE, '--dry-run=client');
  expect(notes).toContain('delete pvc -l app.kubernetes.io/instance=mcp2,app.kubernetes.io/component=news-board');
});

test('defaults of all components are its own where its section says nothing else', async () => {
  const defaults = ['logLevel=warn', 'terminationGracePeriodSeconds=77', 'podLabels.a=b'];
  const set = defaults.map((assignment) => `componentDefaults.${assignment}`);
  const rendered = await render({ chart, set: [...set, 'registry.logLevel=info', 'registry.preStopSleepSeconds=0'] });
  const board = find(rendered, ...STATEFUL_SET).spec.template;
  expect(board.metadata.labels.a).toBe('b');
  expect(board.spec.terminationGracePeriodSeconds).toBe(77);
  expect(environmentOf(...STATEFUL_SET, rendered).MCP2_LOG_LEVEL).toBe('warn');
  expect(environmentOf('Deployment', 'mcp2-registry', rendered).MCP2_LOG_LEVEL).toBe('info');
  expect(containerOf('Deployment', 'mcp2-registry', rendered).lifecycle).toBeUndefined();
});

test('null in a section takes a default away, and false and 0 are values', async () => {
  const strategy = ['registry.updateStrategy.type=Recreate', 'registry.updateStrategy.rollingUpdate=null'];
  const rendered = await render({ set: [...strategy, 'registry.podDisruptionBudget.enabled=false'] });
  expect(find(rendered, 'Deployment', 'mcp2-registry').spec.strategy).toEqual({ type: 'Recreate' });
  expect(has(rendered, 'PodDisruptionBudget', 'mcp2-registry')).toBe(false);
  expect(has(rendered, 'PodDisruptionBudget', 'mcp2-operator')).toBe(true);
  const unlimited = await render({ set: ['operator.resources.limits=null'] });
  expect(containerOf('Deployment', 'mcp2-operator', unlimited).resources.limits).toBeUndefined();
});

test.each([
  ['autoscaling', ['autoscaling.enabled=true'], [], ['Deployment mcp2-registry']],
  ['autoscaling', ['autoscaling.enabled=true'], ['registry.replicas=3'], []],
  ['a number', ['replicas=3'], ['registry.autoscaling.enabled=true'], ['Deployment mcp2-registry']],
  [
    'autoscaling',
    ['autoscaling.enabled=true'],
    ['newsBoard.replicas=null', 'newsBoard.resources.requests.cpu=1'],
    ['StatefulSet mcp2-news-board', 'Deployment mcp2-registry'],
  ],
])('%s of all components (%j) gives way to how many pods a section wants (%j)', async (_title, given, set, scaled) => {
  const defaults = given.map((assignment) => `componentDefaults.${assignment}`);
  const rendered = await render({ chart, set: [...defaults, ...set] });
  const targets = rendered
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
    .map(({ spec }) => `${spec.scaleTargetRef.kind} ${spec.scaleTargetRef.name}`);
  expect(targets).toEqual(scaled);
});

const STATEFUL_SET = ['StatefulSet', 'mcp2-news-board'] as const;

// biome-ignore lint/suspicious/noExplicitAny: a container belongs to the API server
function containerOf(kind: string, name: string, from: readonly KubeObject[] = objects): any {
  return find(from, kind, name).spec.template.spec.containers[0];
}

function environmentOf(kind: string, name: string, from?: readonly KubeObject[]): Record<string, string> {
  const { env } = containerOf(kind, name, from);
  return Object.fromEntries(
    (env as { name: string; value: string }[]).map((variable) => [variable.name, variable.value]),
  );
}

/** As the job reads it. */
function setupConfig(): SetupConfig {
  return readSetupConfig('prepare', { ...environmentOf('Job', 'mcp2-setup'), POD_NAMESPACE: NAMESPACE });
}
