/** What the chart renders, for every example and for each switch on and off. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { KubeObject } from '../harness/kube-client.ts';
import {
  CHART,
  containersOf,
  find,
  has,
  helm,
  NAMESPACE,
  podTemplates,
  type RenderOptions,
  render,
  renderText,
  valuesArguments,
  valuesFiles,
} from './chart.ts';

/** RFC 1123: what the names of most kinds are limited to, and labels that repeat them. */
const MAX_NAME = 63;
/** The controller adds eleven characters to a CronJob's name. */
const MAX_CRON_JOB_NAME = 52;

test.each(valuesFiles())('helm lint --strict passes with ci/%s-values.yaml', async (file) => {
  expect(await helm('lint', '--strict', CHART, ...valuesArguments({ file }))).toContain('0 chart(s) failed');
});

test.each(valuesFiles())(
  'ci/%s-values.yaml renders the same bytes twice: nothing is made up while rendering',
  async (file) => {
    expect(await renderText({ file })).toBe(await renderText({ file }));
  },
);

test.each(valuesFiles())('ci/%s-values.yaml has no image without a tag or a digest', async (file) => {
  const pods = podTemplates(await render({ file }));
  const images = pods.flatMap(containersOf).map(({ image }) => image as string);
  expect(images.length).toBeGreaterThan(4);
  expect(images.filter((image) => !/[^/]+(?::[\w.-]+|@sha256:[0-9a-f]{64})$/.test(image))).toEqual([]);
  expect(images.filter((image) => image.endsWith(':latest'))).toEqual([]);
});

test.each([
  ['mcp2', 'mcp2-registry'],
  ['prod', 'prod-mcp2-registry'],
  ['a-release-name-as-long-as-helm-lets-one-be-used-53-c', 'a-release-name-as-long-as-helm-lets-mcp2-registry'],
])('names of release %s are short enough for every kind', async (release, registry) => {
  const objects = await render({
    release,
    set: ['etcd.replicas=3', 'etcd.snapshot.enabled=true', 'eventBus.backup.enabled=true', 'contextTool.sample=true'],
  });
  expect(has(objects, 'Service', registry)).toBe(true);
  const tooLong = objects.filter(({ kind, metadata: { name } }) => {
    // A member's pod has "-2" behind it, and a label that holds its name.
    const most = { CronJob: MAX_CRON_JOB_NAME, StatefulSet: MAX_CRON_JOB_NAME }[kind] ?? MAX_NAME;
    return !/^(ClusterRole|CustomResource)/.test(kind) && name.length > most;
  });
  expect(tooLong.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([]);
});

test.each(valuesFiles())('every object of ci/%s-values.yaml says to which release it belongs', async (file) => {
  for (const { kind, metadata } of (await render({ file })).filter((object) => object.kind !== 'ConfigMap')) {
    expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({
      'app.kubernetes.io/instance': 'mcp2',
      'app.kubernetes.io/managed-by': 'Helm',
      'app.kubernetes.io/part-of': 'mcp2',
      'app.kubernetes.io/version': expect.any(String),
      'helm.sh/chart': expect.stringMatching(/^mcp2-/),
    });
  }
});

test('selectors and claims hold nothing that changes with a version', async () => {
  const objects = await render({ file: 'production' });
  const fixed = objects.flatMap(({ kind, spec }) =>
    /^(Deployment|StatefulSet)$/.test(kind) ? [spec.selector, spec.volumeClaimTemplates ?? []] : [],
  );
  expect(fixed.length).toBeGreaterThan(4);
  expect(JSON.stringify(fixed)).not.toMatch(/version|helm\.sh/);
});

interface Switch {
  readonly title: string;
  readonly on: RenderOptions;
  readonly off: RenderOptions;
  readonly kind: string;
  readonly name: string;
}

const SWITCHES: readonly Switch[] = [
  {
    title: 'crds.enabled',
    kind: 'CustomResourceDefinition',
    name: 'mcp2servers.mcp2.dev',
    on: {},
    off: { set: ['crds.enabled=false'] },
  },
  {
    title: 'rbac.create',
    kind: 'ClusterRole',
    name: 'mcp2-operator:mcp2-system',
    on: {},
    off: { set: ['rbac.create=false'] },
  },
  {
    title: 'rbac.aggregate',
    kind: 'ClusterRole',
    name: 'mcp2-view:mcp2-system',
    on: {},
    off: { set: ['rbac.aggregate=false'] },
  },
  {
    title: 'operator.enabled',
    kind: 'Deployment',
    name: 'mcp2-operator',
    on: {},
    off: { set: ['operator.enabled=false'] },
  },
  {
    title: 'registry.enabled',
    kind: 'Service',
    name: 'mcp2-registry',
    on: {},
    off: { set: ['registry.enabled=false'] },
  },
  {
    title: 'eventBus.enabled',
    kind: 'StatefulSet',
    name: 'mcp2-event-bus',
    on: {},
    off: { set: ['eventBus.enabled=false'] },
  },
  {
    title: 'eventBus.backup.enabled',
    kind: 'CronJob',
    name: 'mcp2-bus-backup',
    on: { file: 'production' },
    off: {},
  },
  {
    title: 'contextTool.sample',
    kind: 'Deployment',
    name: 'mcp2-inventory',
    on: { set: ['contextTool.sample=true'] },
    off: {},
  },
  {
    title: 'podDisruptionBudget.enabled',
    kind: 'PodDisruptionBudget',
    name: 'mcp2-registry',
    on: {},
    off: { file: 'minimal' },
  },
  {
    title: 'autoscaling.enabled',
    kind: 'HorizontalPodAutoscaler',
    name: 'mcp2-registry',
    on: { file: 'production' },
    off: {},
  },
  {
    title: 'networkPolicy.enabled',
    kind: 'NetworkPolicy',
    name: 'mcp2-default-deny',
    on: {},
    off: { file: 'minimal' },
  },
  { title: 'etcd.mode', kind: 'StatefulSet', name: 'mcp2-etcd', on: {}, off: { file: 'external-etcd' } },
  { title: 'etcd.defrag.enabled', kind: 'CronJob', name: 'mcp2-defrag', on: {}, off: { file: 'minimal' } },
  { title: 'etcd.snapshot.enabled', kind: 'CronJob', name: 'mcp2-snapshot', on: { file: 'production' }, off: {} },
  {
    title: 'etcd.snapshot.existingClaim',
    kind: 'PersistentVolumeClaim',
    name: 'mcp2-etcd-snapshots',
    on: { file: 'production' },
    off: { file: 'everything' },
  },
  { title: 'tls.mode', kind: 'Certificate', name: 'mcp2-registry-tls', on: { file: 'cert-manager' }, off: {} },
  { title: 'tests.enabled', kind: 'Pod', name: 'mcp2-test', on: {}, off: { file: 'minimal' } },
  {
    title: 'operator.settings.namespaces without the release’s own',
    kind: 'Pod',
    name: 'mcp2-test',
    on: { set: ['operator.settings.namespaces={shop,mcp2-system}'] },
    off: { set: ['operator.settings.namespaces={shop}'] },
  },
  { title: 'extraObjects', kind: 'ConfigMap', name: 'mcp2-more', on: { file: 'everything' }, off: {} },
];

test.each(SWITCHES)('$title adds $kind $name and takes it away', async ({ kind, name, on, off }) => {
  expect(has(await render(on), kind, name)).toBe(true);
  expect(has(await render(off), kind, name)).toBe(false);
});

test('definitions are kept at uninstall unless told otherwise', async () => {
  const policy = (objects: readonly KubeObject[]) =>
    find(objects, 'CustomResourceDefinition', 'mcp2servers.mcp2.dev').metadata.annotations?.['helm.sh/resource-policy'];
  expect(policy(await render())).toBe('keep');
  expect(policy(await render({ set: ['crds.keep=false'] }))).toBeUndefined();
});

test.each([
  ['setup', 'pre-install'],
  ['uninstall', 'pre-delete'],
])('the job %s brings its account and rights along: perhaps nothing of the release is there', async (job, hook) => {
  const objects = await render();
  const hookOf = (kind: string, name: string) => {
    const { annotations } = find(objects, kind, name).metadata;
    return {
      hooks: annotations?.['helm.sh/hook']?.split(',') ?? [],
      weight: Number(annotations?.['helm.sh/hook-weight']),
    };
  };
  const { weight } = hookOf('Job', `mcp2-${job}`);
  const account = ['ServiceAccount', 'Role', 'RoleBinding'].map((kind) => hookOf(kind, `mcp2-${job}`));
  const cluster = ['ClusterRole', 'ClusterRoleBinding'].map((kind) => hookOf(kind, `mcp2-${job}:${NAMESPACE}`));
  for (const needed of [...account, ...cluster]) {
    expect(needed.hooks).toContain(hook);
    expect(needed.weight).toBeLessThan(weight);
  }
});

test('a deployment that is scaled by load says no number of pods', async () => {
  expect(find(await render(), 'Deployment', 'mcp2-registry').spec.replicas).toBe(2);
  expect(find(await render({ file: 'production' }), 'Deployment', 'mcp2-registry').spec.replicas).toBeUndefined();
});

test.each([
  ['512Mi', 384],
  ['1Gi', 768],
  ['1.5Gi', 1152],
  ['600M', 429],
])("with a limit of %s Node's heap is held to %d MiB, three quarters of it", async (limit, mebibytes) => {
  const objects = await render({ set: [`registry.resources.limits.memory=${limit}`] });
  const [container] = find(objects, 'Deployment', 'mcp2-registry').spec.template.spec.containers;
  expect(container.env).toContainEqual({ name: 'NODE_OPTIONS', value: `--max-old-space-size=${mebibytes}` });
});

test("without a memory limit Node's heap is left alone", async () => {
  const objects = await render({ set: ['registry.resources.limits=null'] });
  const [container] = find(objects, 'Deployment', 'mcp2-registry').spec.template.spec.containers;
  expect(container.env.map(({ name }: KubeObject) => name)).not.toContain('NODE_OPTIONS');
});

test('a mirror serves every image', async () => {
  const pods = podTemplates(
    await render({
      set: ['global.imageRegistry=mirror.example', 'etcd.snapshot.enabled=true', 'eventBus.backup.enabled=true'],
    }),
  );
  for (const { image } of pods.flatMap(containersOf)) expect(image).toMatch(/^mirror\.example\//);
});

test('every pod asks for a node with Linux, whatever else it asks for', async () => {
  for (const { owner, spec } of podTemplates(await render({ file: 'production' }))) {
    expect(spec.nodeSelector, owner).toMatchObject({ 'kubernetes.io/os': 'linux' });
  }
  const set = ['registry.nodeSelector.disk=ssd'];
  const { spec } = find(await render({ set }), 'Deployment', 'mcp2-registry');
  expect(spec.template.spec.nodeSelector).toEqual({ disk: 'ssd', 'kubernetes.io/os': 'linux' });
});

test('members of etcd that must not share a node find a place where nodes name no zone', async () => {
  const { spec } = find(await render({ file: 'production' }), 'StatefulSet', 'mcp2-etcd');
  const must = (spec.template.spec.topologySpreadConstraints as readonly KubeObject[])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule')
    .map(({ topologyKey }) => topologyKey);
  expect(must).toEqual(['kubernetes.io/hostname']);
});

test('pods of one component prefer different nodes where nodes name no zone, unless an affinity is given', async () => {
  const rules = 'preferredDuringSchedulingIgnoredDuringExecution';
  for (const [kind, name] of [
    ['Deployment', 'mcp2-operator'],
    ['Deployment', 'mcp2-registry'],
    ['StatefulSet', 'mcp2-etcd'],
  ] as const) {
    const { spec } = find(await render({}), kind, name);
    const [rule] = spec.template.spec.affinity.podAntiAffinity[rules] as readonly KubeObject[];
    expect(rule?.podAffinityTerm.topologyKey, name).toBe('kubernetes.io/hostname');
    expect(spec.template.metadata.labels, name).toMatchObject(rule?.podAffinityTerm.labelSelector.matchLabels);
  }
  const set = ['registry.affinity.podAffinity.none=true'];
  const { spec } = find(await render({ set }), 'Deployment', 'mcp2-registry');
  expect(spec.template.spec.affinity).toEqual({ podAffinity: { none: true } });
});

test('only what uses the API server gets a token for it', async () => {
  const objects = await render({ file: 'production', set: ['contextTool.sample=true'] });
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
  expect(accounts.map(({ automountServiceAccountToken: mounts }) => mounts)).not.toContain(true);
  const withToken = podTemplates(objects)
    .filter(({ spec }) => spec.automountServiceAccountToken !== false)
    .map(({ owner }) => owner);
  expect(withToken.sort()).toEqual([
    'CronJob mcp2-rotate',
    'Deployment mcp2-operator',
    'Job mcp2-setup',
    'Job mcp2-store-setup',
    'Job mcp2-uninstall',
    'Pod mcp2-test',
  ]);
});

test('certificates, keys and JWKS are mounted as folders, since a single file would never change', async () => {
  for (const pod of podTemplates(await render({ file: 'everything' }))) {
    for (const { volumeMounts = [] } of containersOf(pod)) {
      for (const mount of volumeMounts) expect(mount.subPath, `${pod.owner}: ${mount.name}`).toBeUndefined();
    }
  }
});

test('only the operator and the test see the signing key', async () => {
  const holders = podTemplates(await render({ file: 'development' })).filter(({ spec }) =>
    JSON.stringify(spec.volumes).includes('mcp2-signing-key'),
  );
  expect(holders.map(({ owner }) => owner).sort()).toEqual(['Deployment mcp2-operator', 'Pod mcp2-test']);
});

test('another installation id rolls the pods, which read the issuer once', async () => {
  const checksum = async (set: readonly string[]) =>
    find(await render({ set }), 'Deployment', 'mcp2-registry').spec.template.metadata.annotations['checksum/config'];
  expect(await checksum([])).toBe(await checksum([]));
  expect(await checksum(['installationId=b'])).not.toBe(await checksum([]));
});

test('every variable that the chart sets is one that docs/settings.md names', async () => {
  const page = readFileSync(join(CHART, '../../docs/settings.md'), 'utf8');
  const documented = new Set([...page.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name));
  const options = { file: 'everything', set: ['image.digest='] };
  const set = podTemplates(await render(options))
    .flatMap(containersOf)
    .filter(({ image }) => image.includes('/mcp2:'))
    .flatMap(({ env = [] }) => (env as readonly { readonly name: string }[]).map(({ name }) => name));
  expect(new Set(set).size).toBeGreaterThan(30);
  // Node's own, and those that the values add.
  const others = ['NODE_OPTIONS', 'TZ', 'NODE_NAME', 'INVENTORY_URL'];
  expect([...new Set(set)].filter((name) => !documented.has(name) && !others.includes(name))).toEqual([]);
});

test('NOTES give commands for what was installed, and warn of what is for development', async () => {
  const notes = async (file: string) => {
    const said = await helm(
      'install',
      'mcp2',
      CHART,
      '-n',
      NAMESPACE,
      '--dry-run=client',
      ...valuesArguments({ file }),
    );
    return said.slice(said.indexOf('NOTES:'));
  };
  const development = await notes('development');
  expect(development).toContain('helm test mcp2 -n mcp2-system');
  expect(development).toContain('source: {service: {name: mcp2-inventory, port: grpc}}');
  expect(development).toContain('etcd.replicas is 1');
  expect(development).toContain('tls.mode is selfSigned');
  // Whatever answers to that name on the public registry of npm is not ours.
  expect(development).not.toContain('npx');
  // Indented, the end of the text would not be seen as such.
  expect(development).toMatch(/<<EOF\n(?:.*\n)+EOF\n/);
  const production = await notes('production');
  expect(production).not.toContain('Before production');
  expect(production).toContain('kubectl -n mcp2-system delete pvc');
});
