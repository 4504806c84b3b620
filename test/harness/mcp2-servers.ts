/**
 * Mcp2Server resources as tests write them, and what a test wants to know of one: its conditions, its record, its Events.
 */
import { createKeys } from '#lib/store/keys.ts';
import { decodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import { eventually } from './eventually.ts';
import type { KubeClient, KubeObject, KubeObjectReference } from './kube-client.ts';

export const MCP2_SERVER = Object.freeze({ apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server' });

export interface ServerCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

/** Points at the Service of the same name. `spec` wins over what is written here. */
export function serviceServer(namespace: string, name: string, spec: object = {}): KubeObject {
  return {
    ...MCP2_SERVER,
    metadata: { name, namespace },
    spec: {
      source: { service: { name, port: 'grpc' } },
      capabilities: [{ name: 'db:inventory:read' }, { name: 'tool:compute_pricing' }],
      ...spec,
    },
  };
}

/** A server outside the cluster that is trusted as it is: no handshake, so that no process has to answer. */
export function addressServer(namespace: string, name: string, spec: object = {}): KubeObject {
  return {
    ...MCP2_SERVER,
    metadata: { name, namespace },
    spec: {
      source: { address: `grpcs://${name}.example:443` },
      capabilities: [{ name: 'db:inventory:read' }],
      readiness: { gates: ['Endpoints'] },
      ...spec,
    },
  };
}

export function conditionOf(resource: KubeObject | undefined, type: string): ServerCondition | undefined {
  const conditions = (resource?.status?.conditions ?? []) as readonly ServerCondition[];
  return conditions.find((condition) => condition.type === type);
}

export interface AwaitedCondition {
  readonly type: string;
  readonly status: ServerCondition['status'];
  readonly reason?: string;
  /** Default 20,000. */
  readonly timeoutMs?: number;
}

/** @returns the resource as it was when the condition held. */
export async function untilCondition(
  kube: KubeClient,
  resource: KubeObjectReference,
  { type, status, reason, timeoutMs = 20_000 }: AwaitedCondition,
): Promise<KubeObject> {
  const what = `${resource.metadata.name}: ${type}=${status}${reason === undefined ? '' : `/${reason}`}`;
  let seen: KubeObject | undefined;
  const read = async () => {
    seen = await kube.get(resource);
    const conditions: readonly ServerCondition[] = seen.status?.conditions ?? [];
    return conditions.map((one) => `${one.type}=${one.status}/${one.reason}: ${one.message}`);
  };
  const holds = () => {
    const condition = conditionOf(seen, type);
    return condition?.status === status && (reason === undefined || condition.reason === reason);
  };
  await eventually(read, holds, { what, timeoutMs });
  return seen as KubeObject;
}

export async function untilGone(kube: KubeClient, resource: KubeObjectReference, timeoutMs = 10_000): Promise<void> {
  const what = `${resource.metadata.name} to go`;
  await eventually(
    () => kube.find(resource),
    (found) => found === undefined,
    { what, timeoutMs },
  );
}

/** What Discovery holds under a server name. */
export async function readRecord(store: Store, serverName: string): Promise<ServerRecord | undefined> {
  const { entry } = await store.get(createKeys().server(serverName));
  return entry && decodeServerRecord(entry.value);
}

export async function untilRecord(
  store: Store,
  serverName: string,
  accept: (record: ServerRecord | undefined) => boolean,
  timeoutMs = 10_000,
): Promise<ServerRecord | undefined> {
  const what = `the record of ${serverName}`;
  return eventually(() => readRecord(store, serverName), accept, { what, timeoutMs });
}

export interface SeenEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  /** How often it happened. */
  readonly count: number;
}

/** The Events about one resource, oldest first. */
export async function eventsOf(kube: KubeClient, { metadata }: KubeObject): Promise<SeenEvent[]> {
  const all = await kube.list({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  });
  const { uid } = metadata as { uid?: string };
  return all
    .filter(({ regarding }) => regarding?.uid === uid)
    .sort((a, b) => (a.eventTime < b.eventTime ? -1 : 1))
    .map(({ type, reason, note, series }) => ({ type, reason, note, count: series?.count ?? 1 }));
}
