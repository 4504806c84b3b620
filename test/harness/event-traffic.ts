/** Traffic on the event bus of a cluster: a pod that publishes and subscribes, and what came of it. */
import { readFile } from 'node:fs/promises';
import type { EventTrafficReport, EventTrafficSettings } from './event-traffic/program.ts';
import type { TrafficCluster } from './traffic.ts';

export type { EventTrafficReport, Heard } from './event-traffic/program.ts';

export interface EventTrafficOptions {
  readonly cluster: TrafficCluster;
  /** Of the pod; one that gets the ConfigMap `mcp2-trust`. */
  readonly namespace: string;
  /** For example "localhost/mcp2:0.1.0". */
  readonly image: string;
  readonly publisherToken: string;
  readonly subscriberToken: string;
}

export interface EventTraffic extends AsyncDisposable {
  report(): Promise<EventTrafficReport>;
  /** Ends the publishers; the subscribers go on. */
  stopPublishing(): Promise<EventTrafficReport>;
}

const PORT = 8080;
const NAME = 'event-traffic';
const FOLDER = '/app/event-traffic';
const TOKENS = '/var/run/tokens';
const ASK = `fetch(process.argv[1]).then(async (answer) => {
  process.stdout.write(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
})`;

/** Waits until every publisher has published, and each subscriber has heard something. */
export async function startEventTraffic(options: EventTrafficOptions): Promise<EventTraffic> {
  const { cluster, namespace } = options;
  await cluster.kubectlInput(JSON.stringify(await objectsOf(options)), 'apply', '-f', '-');
  await cluster.kubectl('wait', '-n', namespace, `pod/${NAME}`, '--for=condition=Ready', '--timeout=60s');
  const ask = async (path: string) => {
    const url = `http://127.0.0.1:${PORT}${path}`;
    const said = await cluster.kubectl('exec', '-n', namespace, NAME, '--', 'node', '-e', ASK, url);
    return JSON.parse(said) as EventTrafficReport;
  };
  return {
    report: () => ask('/report'),
    stopPublishing: () => ask('/stop'),
    async [Symbol.asyncDispose]() {
      const objects = [`pod/${NAME}`, `configmap/${NAME}`, `secret/${NAME}`];
      await cluster.kubectl('delete', '-n', namespace, ...objects, '--ignore-not-found', '--grace-period=1');
    },
  };
}

async function objectsOf({ namespace, image, ...tokens }: EventTrafficOptions): Promise<object> {
  const metadata = { name: NAME, namespace };
  const program = await readFile(new URL('event-traffic/program.ts', import.meta.url), 'utf8');
  const stringData = { publisher: tokens.publisherToken, subscriber: tokens.subscriberToken };
  const items = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'program.ts': program } },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData },
    { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, labels: { app: NAME } }, spec: podSpec(image) },
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

/** Pod Security "restricted". */
function podSpec(image: string): object {
  const settings: EventTrafficSettings = {
    publisherTokenFile: `${TOKENS}/publisher`,
    subscriberTokenFile: `${TOKENS}/subscriber`,
    publishers: 8,
    streams: 4,
    pauseMs: 10,
    port: PORT,
  };
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 1,
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'traffic',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['node', `${FOLDER}/program.ts`, JSON.stringify(settings)],
        readinessProbe: { httpGet: { path: '/ready', port: PORT }, periodSeconds: 1 },
        resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '384Mi' } },
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'program', mountPath: FOLDER, readOnly: true },
          { name: 'trust', mountPath: '/etc/mcp2/trust', readOnly: true },
          { name: 'tokens', mountPath: TOKENS, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'program', configMap: { name: NAME } },
      { name: 'trust', configMap: { name: 'mcp2-trust' } },
      { name: 'tokens', secret: { secretName: NAME, defaultMode: 0o440 } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}
