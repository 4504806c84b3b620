/**
 * The event bus on a node, with publishers and subscribers in a pod of their own that find it in the trust ConfigMap: its pod is
 * killed and deleted, the release is upgraded, its log is backed up and restored, and removed with its volume kept.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { isForeignCluster } from '../cluster/images.ts';
import { type EventTraffic, type EventTrafficReport, startEventTraffic } from '../harness/event-traffic.ts';
import { eventually } from '../harness/eventually.ts';
import { KubeClient, type KubeObject } from '../harness/kube-client.ts';
import { createWorkspace } from '../harness/processes.ts';
import { killProcesses, podsOf, type Release, untilReady } from './faults/pods.ts';
import { readRunbook, runAsWritten } from './faults/runbook.ts';
import {
  CHART,
  getJson,
  helmRelease,
  mintToken,
  NAMESPACE,
  RELEASE,
  removeRelease,
  say,
  startReleaseCluster,
  timed,
} from './release.ts';
import { servicesWithoutRow } from './services-in-table.ts';

const AGENTS = 'agents';
const POD = `${RELEASE}-event-bus-0`;

/** Processes in pods are killed, which needs the nodes. */
const isForeign = isForeignCluster(process.env);

let cluster: Cluster;
let kube: KubeClient;
let release: Release;
let traffic: EventTraffic;

beforeAll(async () => {
  if (isForeign) return;
  const started = await startReleaseCluster([undefined]);
  cluster = started.cluster;
  kube = new KubeClient(cluster.admin);
  release = { cluster, kube, namespace: NAMESPACE, fullname: RELEASE };
  await cluster.kubectl('create', 'namespace', AGENTS);
  const set = ['--set', `trust.namespaces={${AGENTS}}`];
  await timed('helm install', () => helmRelease(cluster, 'install', { args: set }));
  const [publisherToken, subscriberToken] = await Promise.all([
    mint('publisher', 'event:publish:orders:*:placed'),
    mint('subscriber', 'event:subscribe:orders:*:placed'),
  ]);
  const image = started.images[0] ?? '';
  traffic = await timed('traffic', () =>
    startEventTraffic({ cluster, namespace: AGENTS, image, publisherToken, subscriberToken }),
  );
}, 600_000);

beforeEach(({ skip }) => skip(isForeign, 'processes in pods are not killed on a cluster that is not our own'));

afterAll(async () => {
  await kube?.[Symbol.asyncDispose]();
  await removeRelease(cluster);
});

function mint(name: string, ...capabilities: readonly string[]): Promise<string> {
  const rights = capabilities.flatMap((capability) => ['--capability', capability]);
  return mintToken(cluster, ['--sub', `${AGENTS}.${name}`, '--aud', 'EventBusServer', '--ttl', '1h', ...rights]);
}

test('the trust ConfigMap of a listed namespace says where the bus is', async () => {
  const { data } = await getJson<{ data: Record<string, string> }>(cluster, 'configmap/mcp2-trust', '-n', AGENTS);
  expect(data.eventBus).toBe(`${RELEASE}-event-bus.${NAMESPACE}.svc:50052`);
});

test('while its process is killed publishers go on with the same ids, and nothing is missed', async () => {
  await withoutLoss('process killed (SIGKILL)', async () => {
    const [pod] = await podsOf(release, 'event-bus');
    if (pod === undefined) throw new Error('there is no pod of the event bus');
    await killProcesses(release, pod);
    await eventually(
      async () => restartsOf(await podsOf(release, 'event-bus')),
      (restarts) => restarts === 1,
      { timeoutMs: 60_000, intervalMs: 250, what: 'the restart' },
    );
    await untilReady(release, 'event-bus', 1);
  });
});

test('while its pod is deleted, and comes again with its volume, nothing is missed', async () => {
  await withoutLoss('pod deleted', async () => {
    await cluster.kubectl('delete', 'pod', POD, '-n', NAMESPACE, '--grace-period=0', '--force');
    await untilReady(release, 'event-bus', 1);
  });
});

test('an upgrade with publishing going on loses no acknowledged event', async () => {
  const [before] = await podsOf(release, 'event-bus');
  await withoutLoss('helm upgrade', async () => {
    const changed = 'eventBus.log.maxTopics=5000,eventBus.backup.enabled=true';
    const args = ['--set', `trust.namespaces={${AGENTS}}`, '--set', changed];
    await helmRelease(cluster, 'upgrade', { args });
    await untilReady(release, 'event-bus', 1);
  });
  const [after] = await podsOf(release, 'event-bus');
  expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
});

test('an upgrade that cannot start is mended by a rollback alone', async () => {
  await withoutLoss('broken upgrade and rollback', async () => {
    const broken = ['--reuse-values', '--set', 'eventBus.image.tag=never-built'];
    await cluster.helm('upgrade', RELEASE, CHART, '-n', NAMESPACE, ...broken);
    await eventually(
      async () => JSON.stringify((await podsOf(release, 'event-bus')).map(({ status }) => status)),
      (status) => /ErrImageNeverPull|ImagePullBackOff|ErrImagePull/.test(status),
      { timeoutMs: 60_000, intervalMs: 500, what: 'a pod without an image' },
    );
    await cluster.helm('rollback', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '3m');
    await untilReady(release, 'event-bus', 1);
  });
});

test('a server with events and no token is refused before anything changes', async () => {
  const { folder } = createWorkspace('events-without-token');
  const config = 'server: {name: PetShop, version: 1.0.0}\nevents: [{database: pets, topics: ["pets:*"]}]\n';
  const file = join(folder, 'values.json');
  await writeFile(file, JSON.stringify({ contextTool: { servers: { petShop: { config } } } }));
  const upgrade = cluster.helm('upgrade', RELEASE, CHART, '-n', NAMESPACE, '--reuse-values', '--values', file);
  await expect(upgrade).rejects.toThrow(
    'contextTool.servers.petShop.config has events, for which the server needs a token that the event bus takes: set contextTool.servers.petShop.token to {secretName, key} of a Secret whose token you renew; the token service will do this',
  );
});

test('a row of docs/network-policy.md allows every Service that is called here', async () => {
  expect(await servicesWithoutRow(cluster)).toEqual([]);
});

test('the log is backed up while it is written to, and restored, by the runbook', async () => {
  const commands = await readRunbook('event-log-backup-restore');
  const runbook = (words: string, backup = '') => {
    const found = commands.find((block) => block.includes(words));
    if (found === undefined) throw new Error(`no block of the runbook has ${words}`);
    return timed(words, () => runAsWritten(cluster, found.replaceAll('BACKUP', backup)));
  };
  const kept = lastLine(await runbook('create job bus-backup'));
  const { published: before } = await traffic.report();
  const [newest] = (JSON.parse(kept) as { kept: readonly string[] }).kept;
  expect(newest).toMatch(/^bus-backup-.*\.db$/);
  // Those that are published since then are not in it.
  await eventually(
    () => traffic.report(),
    ({ published }) => published > before + 100,
    { timeoutMs: 60_000, intervalMs: 500, what: 'more events' },
  );
  const { published } = await traffic.stopPublishing();
  await untilAllHeard();
  const all = await eventsInLog();
  expect(all).toBe(published);
  await runbook('eventBus.repair.restore=BACKUP', newest);
  await runbook('eventBus.repair.restore= --wait');
  const restored = await eventsInLog();
  say(`backup and restore: ${restored} of ${all} events are in the backup`);
  expect(restored).toBeGreaterThan(0);
  expect(restored).toBeLessThan(all);
});

test('helm uninstall keeps the volume and says how to remove it', async () => {
  await traffic[Symbol.asyncDispose]();
  const notes = await cluster.helm('get', 'notes', RELEASE, '-n', NAMESPACE);
  const selector = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=event-bus`;
  expect(notes).toContain(`kubectl -n ${NAMESPACE} delete pvc -l ${selector}`);
  await timed('helm uninstall', () => cluster.helm('uninstall', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '2m'));
  const claims = await cluster.kubectl('get', 'pvc', '-n', NAMESPACE, '-l', selector, '-o', 'name');
  expect(claims.trim()).toBe(`persistentvolumeclaim/data-${POD}`);
});

/** Meanwhile and after it: every publish is acknowledged in the end, once, and both subscribers get every event. */
async function withoutLoss(what: string, work: () => Promise<unknown>): Promise<void> {
  const before = await traffic.report();
  await timed(what, work);
  const after = await eventually(
    () => traffic.report(),
    ({ published, durable, plain }) =>
      published > before.published + 100 &&
      durable.resumes > before.durable.resumes &&
      plain.resumes > before.plain.resumes,
    { timeoutMs: 120_000, intervalMs: 1_000, what: 'publishing after it' },
  );
  const report = await untilHeard(after);
  say(`${what}: ${told(before, report)}`);
  expect(report).toMatchObject({ failed: {}, badSequences: 0 });
  expect(report.durable).toMatchObject({ missing: 0, ended: '' });
  expect(report.plain).toMatchObject({ missing: 0, ended: '', outOfOrder: 0, doubled: 0 });
}

/** The subscribers have what was published by then. */
async function untilHeard({ published }: EventTrafficReport): Promise<EventTrafficReport> {
  return eventually(
    () => traffic.report(),
    ({ durable, plain }) =>
      Math.min(durable.events, plain.events) >= published && durable.missing + plain.missing === 0,
    { timeoutMs: 60_000, intervalMs: 500, what: 'every event at both subscribers' },
  );
}

async function untilAllHeard(): Promise<void> {
  await untilHeard(await traffic.report());
}

function told(before: EventTrafficReport, { published, duplicates, slowestMs, durable }: EventTrafficReport): string {
  const [events, again] = [published - before.published, durable.doubled - before.durable.doubled];
  return `${events} events acknowledged, 0 missed, ${duplicates - before.duplicates} settled by a repeat, ${again} delivered twice to the durable subscriber, slowest publish so far ${(slowestMs / 1000).toFixed(1)} s`;
}

/** As `mcp2 topics` counts them, in the bus' pod. */
async function eventsInLog(): Promise<number> {
  const token = await mint('subscriber', 'event:subscribe:orders:*:placed');
  const words = [
    'exec',
    '--stdin',
    '-n',
    NAMESPACE,
    POD,
    '--',
    'mcp2',
    'topics',
    'orders:*:placed',
    '--token-file',
    '-',
  ];
  const { topics } = JSON.parse(await cluster.kubectlInput(token, ...words, '-o', 'json')) as {
    topics: readonly { readonly events: number }[];
  };
  return topics.reduce((sum, { events }) => sum + events, 0);
}

function restartsOf(pods: readonly KubeObject[]): number {
  const statuses = pods.flatMap(({ status }) => (status?.containerStatuses ?? []) as { restartCount: number }[]);
  return statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
