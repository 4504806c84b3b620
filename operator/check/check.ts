/**
 * One server's whole way, as a client of the cluster sees it: a resource is made, becomes Ready, is looked up and read with a
 * token, and leaves Discovery when it is removed. What was made is removed whatever happens.
 */
import type { Clock } from '#lib/clock.ts';
import type { KubeApi } from '#lib/kube/api.ts';
import { isNotFound } from '#lib/kube/api-error.ts';
import type { KubeObject } from '#lib/kube/object.ts';
import type { Logger } from '#lib/logger.ts';
import type { Mcp2Client } from '#sdk/client/index.ts';
import { MCP2_SERVERS } from '../source/cluster.ts';
import type { CheckConfig } from './config.ts';
import { createWait } from './wait.ts';

export interface CheckDependencies {
  readonly api: Pick<KubeApi, 'get' | 'delete' | 'serverSideApply'>;
  /** Its token may look the server up and read from it. */
  readonly client: Pick<Mcp2Client, 'lookup' | 'call' | 'services'>;
  readonly clock: Clock;
  readonly log: Logger;
}

type CheckSettings = Pick<CheckConfig, 'namespace' | 'name' | 'serverName' | 'tlsServerName' | 'timeoutMs'>;

/** For taking back what was made, after the time of the check. */
const CLEAN_UP_MS = 30_000;
const MANAGER = 'mcp2-check';
/** What the server behind the Service offers: helm/mcp2/templates/tests/check.yaml has its configuration. */
const CONTEXT_KEY = 'selftest:greeting';
const GREETING = 'hello';
export const CAPABILITY = 'db:selftest:read';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

type ServerObject = KubeObject & {
  readonly spec?: unknown;
  readonly status?: { readonly conditions?: readonly Condition[] };
};

/** @throws CheckFailed */
export async function runCheck(settings: CheckSettings, dependencies: CheckDependencies): Promise<void> {
  const { api, log, clock } = dependencies;
  const name = { namespace: settings.namespace, name: settings.name };
  const waitFor = createWait(clock, clock.monotonicMs() + settings.timeoutMs);
  const lookUp = () => endpointsOf(settings, dependencies);
  await waitFor('the registry to answer a Lookup', async () =>
    (await lookUp()) === undefined ? 'it is stale' : undefined,
  );
  log.info({}, 'the registry answers');
  // Of a check that was interrupted: one that is being deleted would not come back.
  await api.delete(MCP2_SERVERS, name);
  await waitFor('what an earlier check left to be gone', () => whyThere(api, name));
  try {
    await api.serverSideApply(MCP2_SERVERS, serverOf(settings), { fieldManager: MANAGER, force: true });
    log.info(name, 'the Mcp2Server was made');
    await waitFor(`Mcp2Server ${name.name} to be Ready`, async () => whyNotReady(await api.get(MCP2_SERVERS, name)));
    log.info({}, 'it is Ready');
    await waitFor('Lookup to answer it', async () => ((await lookUp())?.length ? undefined : 'it answers nothing'));
    log.info({ endpoints: await lookUp() }, 'Lookup answers it');
    await waitFor(`its context ${CONTEXT_KEY} to be read`, () => whyNotRead(settings, dependencies));
    log.info({}, 'its context was read');
  } finally {
    await api.delete(MCP2_SERVERS, name);
  }
  const untilGone = createWait(clock, clock.monotonicMs() + CLEAN_UP_MS);
  await untilGone(`Mcp2Server ${name.name} to be gone`, () => whyThere(api, name));
  await untilGone('Lookup to forget it', async () =>
    (await lookUp())?.length === 0 ? undefined : 'it still answers it',
  );
  log.info({}, 'it was removed, and Lookup answers it no more');
}

function serverOf({ namespace, name, serverName, tlsServerName }: CheckSettings): ServerObject {
  return {
    metadata: { namespace, name },
    spec: {
      serverName,
      source: { service: { name, port: 'grpc' } },
      tls: { mode: 'Simple', serverName: tlsServerName },
      capabilityMode: 'Discovered',
      readiness: { minReadySeconds: 0 },
    },
  };
}

/** @returns undefined when the answer is marked stale. */
async function endpointsOf(
  { serverName }: CheckSettings,
  { client }: CheckDependencies,
): Promise<readonly string[] | undefined> {
  const request = { capability_filter: [CAPABILITY], server_name: serverName };
  const { endpoints, stale } = await client.lookup(request);
  return stale ? undefined : endpoints.map(({ grpc_url }) => grpc_url);
}

/** Over the network, as a client would: from this pod to the address that Lookup answers. */
async function whyNotRead({ serverName }: CheckSettings, { client }: CheckDependencies): Promise<string | undefined> {
  const { ContextTool } = client.services;
  const found = { capability: CAPABILITY, server: serverName };
  const { serialized_value } = await client.call(ContextTool, 'RequestContext', { context_key: CONTEXT_KEY }, found);
  const text = serialized_value.toString('utf8');
  return text === GREETING ? undefined : `it is ${JSON.stringify(text.slice(0, 100))}`;
}

function whyNotReady({ status }: ServerObject): string | undefined {
  const conditions = status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return undefined;
  if (ready === undefined) return 'the operator has not written a status: does it run, and does it lead?';
  return `${ready.reason ?? ready.status}: ${ready.message ?? ''}`;
}

/** @returns undefined when it is gone. */
async function whyThere(
  api: CheckDependencies['api'],
  name: { readonly namespace: string; readonly name: string },
): Promise<string | undefined> {
  try {
    const { metadata } = await api.get(MCP2_SERVERS, name);
    return `it is there, with the finalizers ${metadata.finalizers?.join(', ') ?? 'none'}`;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
