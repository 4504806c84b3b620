/**
 * Traffic on a cluster: a pod whose agents look a server up and call it, over and over, the way docs/clients.md says,
 * and what they saw. It goes on while the API server is away, since nobody has to ask it meanwhile.
 */
import { readFile } from 'node:fs/promises';
import { systemClock } from '#lib/clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import { importSigningKey } from '#lib/token/signing-key.ts';
import { eventually } from './eventually.ts';
import type { TrafficSettings } from './traffic/program.ts';
import type { AnswerChange, TrafficReport } from './traffic/record.ts';

export type { AnswerChange, CallSummary, TrafficReport } from './traffic/record.ts';

/** What is used of a cluster. */
export interface TrafficCluster {
  kubectl(...args: string[]): Promise<string>;
  kubectlInput(input: string, ...args: string[]): Promise<string>;
}

export interface TrafficOptions {
  readonly cluster: TrafficCluster;
  /** Of the pod; it needs the ConfigMap `mcp2-trust`, so: the release's, or one of `trust.namespaces`. */
  readonly namespace: string;
  /** Whose signing key mints the token. Default: mcp2 in `namespace`. */
  readonly release?: { readonly namespace: string; readonly fullname: string };
  /** For example "localhost/mcp2:0.1.0". */
  readonly image: string;
  /** Name of the pod, its ConfigMap and its Secret. Default "traffic". */
  readonly name?: string;
  /** Servers that the token is for; names, or prefixes such as "InventoryDB_*". Default InventoryDB_Primary. */
  readonly audience?: readonly string[];
  /** Default: that of the ConfigMap `mcp2-trust`. */
  readonly registry?: string;
  /** The server that is looked up and called. Empty: any. Default InventoryDB_Primary. */
  readonly serverName?: string;
  /** Called as well, with an idempotency key. Default: none. */
  readonly tool?: TrafficSettings['tool'];
  /** Default 4. Each has a connection of its own to the registry. */
  readonly agents?: number;
  /** Between two rounds of an agent. Default 100. */
  readonly pauseMs?: number;
  /** The node that it must run on. */
  readonly nodeName?: string;
}

export interface LookupAnswer {
  readonly endpoints: readonly {
    readonly server_name: string;
    readonly grpc_url: string;
    readonly health: number;
    readonly tags: Readonly<Record<string, string>>;
  }[];
  readonly next_page_token: string;
  readonly not_serving: readonly string[];
  readonly revision: number;
  readonly stale: boolean;
}

export interface Traffic extends AsyncDisposable {
  /** The pod's clock, in Unix milliseconds; asks nobody. Take it before and after a fault. */
  nowMs(): number;
  /** What happened in the span; until now when `toMs` is left out. */
  report(fromMs: number, toMs?: number): Promise<TrafficReport>;
  /** Each time that an agent was told other endpoints than before. */
  changes(fromMs: number): Promise<readonly AnswerChange[]>;
  /** One Lookup from the pod, with its token, on a new connection. `target`: host:port of one registry pod. */
  lookup(query: object, target?: string): Promise<LookupAnswer>;
}

const PORT = 8080;
const CAPABILITY = 'db:inventory:read';
const TOKEN_LIFETIME_SECONDS = 3_600;
const FOLDER = '/app/traffic';
const ASK = `fetch(process.argv[1]).then(async (answer) => {
  process.stdout.write(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
})`;

/** Waits until every agent has found and called a server. */
export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { cluster, namespace, name = 'traffic' } = options;
  await cluster.kubectlInput(JSON.stringify(await objectsOf(options)), 'apply', '-f', '-');
  const ask = async (path: string) => {
    const url = `http://127.0.0.1:${PORT}${path}`;
    return JSON.parse(await cluster.kubectl('exec', '-n', namespace, name, '--', 'node', '-e', ASK, url)) as unknown;
  };
  await cluster.kubectl('wait', '-n', namespace, `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  const aheadMs = ((await ask('/now')) as number) - Date.now();
  return {
    nowMs: () => Date.now() + aheadMs,
    report: (fromMs, toMs) => ask(`/report?from=${fromMs}${toMs === undefined ? '' : `&to=${toMs}`}`) as never,
    changes: (fromMs) => ask(`/changes?from=${fromMs}`) as never,
    lookup: (query, target) => {
      const parameters = { query: JSON.stringify(query), ...(target === undefined ? {} : { target }) };
      return ask(`/lookup?${new URLSearchParams(parameters)}`) as never;
    },
    async [Symbol.asyncDispose]() {
      const objects = [`pod/${name}`, `configmap/${name}`, `secret/${name}`];
      await cluster.kubectl('delete', '-n', namespace, ...objects, '--ignore-not-found', '--grace-period=1');
    },
  };
}

/** Names of the endpoints that each agent is told now, once `accept` likes them all. */
export function untilAnswers(
  traffic: Traffic,
  accept: (endpoints: readonly string[]) => boolean,
  timeoutMs: number,
): Promise<readonly (readonly string[])[]> {
  const read = async () => {
    const last = new Map((await traffic.changes(0)).map(({ agent, endpoints }) => [agent, endpoints]));
    return [...last.values()];
  };
  const isLiked = (answers: readonly (readonly string[])[]) => answers.length > 0 && answers.every(accept);
  return eventually(read, isLiked, { timeoutMs, intervalMs: 250, what: 'the answer to every agent' });
}

async function objectsOf(options: TrafficOptions): Promise<object> {
  const { cluster, namespace, name = 'traffic' } = options;
  const registry = options.registry ?? (await readTrust(cluster, namespace)).registry;
  const metadata = { name, namespace };
  const settings: TrafficSettings = {
    registry,
    caFile: '/etc/mcp2/trust/ca.crt',
    tokenFile: '/etc/mcp2/traffic/token',
    capability: CAPABILITY,
    serverName: options.serverName ?? 'InventoryDB_Primary',
    contextKey: 'inventory:prod_12345:stock_count',
    tool: options.tool,
    agents: options.agents ?? 4,
    pauseMs: options.pauseMs ?? 100,
    port: PORT,
  };
  const items = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: await readProgram() },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { token: await mint(options) } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { app: name } },
      spec: podSpec(options, settings),
    },
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

async function readProgram(): Promise<Record<string, string>> {
  const names = ['program.ts', 'record.ts'];
  const folder = new URL('traffic/', import.meta.url);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')] as const)),
  );
}

/** Pod Security "restricted". */
function podSpec({ image, nodeName, name = 'traffic' }: TrafficOptions, settings: TrafficSettings): object {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 1,
    ...(nodeName === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': nodeName } }),
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
          { name: 'token', mountPath: '/etc/mcp2/traffic', readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'program', configMap: { name } },
      { name: 'trust', configMap: { name: 'mcp2-trust' } },
      { name: 'token', secret: { secretName: name, defaultMode: 0o440 } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}

async function readTrust(cluster: TrafficCluster, namespace: string): Promise<{ readonly registry: string }> {
  const text = await cluster.kubectl('get', '-n', namespace, 'configmap/mcp2-trust', '-o', 'json');
  return (JSON.parse(text) as { data: { registry: string } }).data;
}

async function mint({ cluster, namespace, ...options }: TrafficOptions): Promise<string> {
  const release = options.release ?? { namespace, fullname: 'mcp2' };
  const secret = `secret/${release.fullname}-signing-key`;
  const text = await cluster.kubectl('get', '-n', release.namespace, secret, '-o', 'json');
  const { data } = JSON.parse(text) as { data: Record<string, string> };
  const read = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  const request = {
    iss: read('issuer').trim(),
    sub: `${namespace}.traffic`,
    aud: options.audience ?? ['InventoryDB_Primary'],
    capabilities: [CAPABILITY, 'registry:lookup', ...(options.tool === undefined ? [] : [`tool:${options.tool.name}`])],
    ttlSeconds: TOKEN_LIFETIME_SECONDS,
  };
  return mintToken(await importSigningKey(JSON.parse(read('key.jwk'))), request, { clock: systemClock });
}
