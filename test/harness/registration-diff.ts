/**
 * The oracle of the fault tests: everything that resources, records and statuses disagree about, in words.
 *
 * It derives what Discovery should hold from the resources and slices alone, with rules of its own, so that a mistake
 * of the operator cannot repeat itself here. All four lists empty means: nothing lost, nothing late, nothing left over.
 */
import { createKeys } from '#lib/store/keys.ts';
import { decodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import { eventually } from './eventually.ts';
import type { KubeClient, KubeObject } from './kube-client.ts';
import { conditionOf, MCP2_SERVER } from './mcp2-servers.ts';

export interface RegistrationDiff {
  /** Resources whose record is not there. */
  readonly missing: readonly string[];
  /** Records that say something else than their resource. */
  readonly stale: readonly string[];
  /** Records of this installation without a resource. */
  readonly orphan: readonly string[];
  /** Resources whose status does not tell what is so, or that are deleted and stay. */
  readonly stuck: readonly string[];
}

export interface DiffInput {
  readonly kube: KubeClient;
  readonly store: Pick<Store, 'list'>;
  readonly installation: string;
}

interface StoredRecord {
  readonly record: ServerRecord | undefined;
  readonly revision: number;
}

export async function registrationDiff({ kube, store, installation }: DiffInput): Promise<RegistrationDiff> {
  const [resources, slices, { entries }] = await Promise.all([
    kube.list(MCP2_SERVER),
    kube.list({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }),
    store.list(createKeys().servers),
  ]);
  const stored = new Map(
    entries.map(({ key, value, modRevision }) => [
      key,
      { record: decodeServerRecord(value), revision: modRevision } satisfies StoredRecord,
    ]),
  );
  const diff = { missing: [] as string[], stale: [] as string[], orphan: [] as string[], stuck: [] as string[] };
  const uids = new Set(resources.map(uidOf));
  for (const [key, { record }] of stored) {
    const isOurs = record?.owner.manager === 'mcp2-operator' && record.owner.installation === installation;
    if (isOurs && !uids.has((record.owner as { uid: string }).uid)) diff.orphan.push(key);
  }
  for (const resource of resources) {
    const own = stored.get(createKeys().server(nameOf(resource)));
    const isHolder = winnerOf(resources, resource) === resource && !isForeign(own, installation);
    if (isHolder) judgeHolder({ resource, slices, own, installation }, diff);
    else judgeLoser(resource, own, diff);
  }
  return diff;
}

export function isClean({ missing, stale, orphan, stuck }: RegistrationDiff): boolean {
  return missing.length + stale.length + orphan.length + stuck.length === 0;
}

/** @returns the milliseconds until nothing differed any more. @throws Error with the last difference. */
export async function untilClean(input: DiffInput, timeoutMs: number): Promise<number> {
  const startedMs = performance.now();
  await eventually(() => registrationDiff(input), isClean, { timeoutMs, what: 'agreement', intervalMs: 100 });
  return performance.now() - startedMs;
}

interface Holding {
  readonly resource: KubeObject;
  readonly slices: readonly KubeObject[];
  readonly own: StoredRecord | undefined;
  readonly installation: string;
}

type Findings = { readonly [Kind in keyof RegistrationDiff]: string[] };

function judgeHolder({ resource, slices, own, installation }: Holding, diff: Findings): void {
  const where = whereIs(resource);
  if (resource.metadata.deletionTimestamp !== undefined) diff.stuck.push(`${where}: deleted, and still there`);
  else if (own?.record === undefined) diff.missing.push(where);
  else {
    const expected = expectedOf(resource, slices, installation);
    const { record, revision } = own;
    const isSelective = resource.spec.registration.visibility.from === 'Selector';
    const seen = {
      name: record.name,
      owner: record.owner,
      tags: record.tags,
      visibleTo: isSelective ? 'as the namespaces say' : record.visibility.visibleTo,
      endpoints: record.endpoints.map(({ url, transport }) => `${transport} ${url}`).sort(),
    };
    if (JSON.stringify(seen) !== JSON.stringify(expected)) diff.stale.push(`${where}: ${JSON.stringify(seen)}`);
    diff.stuck.push(...statusFaults(resource, { record, revision }).map((fault) => `${where}: ${fault}`));
  }
}

function statusFaults(
  resource: KubeObject,
  { record, revision }: { record: ServerRecord; revision: number },
): string[] {
  const { status = {}, metadata, spec } = resource;
  const serving = record.endpoints.filter(({ health }) => health === 'SERVING').length;
  const wanted = spec.readiness.minReadyEndpoints as number;
  const ready = conditionOf(resource, 'Ready')?.status;
  const checks: readonly (readonly [boolean, string])[] = [
    [status.observedGeneration === metadata.generation, 'an older generation was observed'],
    [status.conditions?.length === 7, 'conditions are missing'],
    [conditionOf(resource, 'Registered')?.status === 'True', 'is not called registered'],
    [status.registration?.hash === record.hash, 'names the hash of another record'],
    [status.registration?.revision === String(revision), 'names another revision'],
    [status.endpoints?.ready === serving, 'counts other endpoints'],
    [(ready === 'True') === serving >= wanted, `Ready=${ready} with ${serving} of ${wanted} endpoints`],
  ];
  return checks.flatMap(([holds, fault]) => (holds ? [] : [fault]));
}

function judgeLoser(resource: KubeObject, own: StoredRecord | undefined, diff: Findings): void {
  const owner = own?.record?.owner;
  if (owner?.manager === 'mcp2-operator' && owner.uid === uidOf(resource)) {
    diff.stale.push(`${whereIs(resource)}: holds a name that belongs to another`);
  }
  if (conditionOf(resource, 'Accepted')?.reason !== 'NameConflict') {
    diff.stuck.push(`${whereIs(resource)}: does not say that its name is taken`);
  }
}

function expectedOf(resource: KubeObject, slices: readonly KubeObject[], installation: string) {
  const { metadata, spec } = resource;
  const { name, namespace } = metadata;
  const visibleTo = { Same: [`${namespace}.*`], All: [], Selector: 'as the namespaces say' };
  return {
    name: nameOf(resource),
    owner: { manager: 'mcp2-operator', installation, namespace, name, uid: uidOf(resource) },
    tags: spec.registration.tags ?? {},
    visibleTo: visibleTo[spec.registration.visibility.from as keyof typeof visibleTo],
    endpoints: urlsOf(resource, slices).sort(),
  };
}

function urlsOf({ metadata, spec }: KubeObject, slices: readonly KubeObject[]): string[] {
  const transport = { Disabled: 'PLAINTEXT', Simple: 'TLS', Mutual: 'MTLS' }[spec.tls.mode as string];
  if (spec.source.address !== undefined) return [`${transport} ${spec.source.address.replace(/^grpcs?:\/\//, '')}`];
  const own = slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.['kubernetes.io/service-name'] === spec.source.service.name,
  );
  return own.flatMap(({ endpoints, ports }) =>
    (endpoints as { addresses: string[]; conditions: { ready?: boolean } }[])
      .filter(({ conditions }) => conditions.ready !== false)
      .map(({ addresses }) => `${transport} ${addresses[0]}:${ports[0].port}`),
  );
}

/** Of all that ask for one name: the oldest, then the smaller uid. */
function winnerOf(resources: readonly KubeObject[], resource: KubeObject): KubeObject | undefined {
  const age = (one: KubeObject) => `${one.metadata.creationTimestamp} ${uidOf(one)}`;
  const rivals = resources.filter((other) => nameOf(other).toLowerCase() === nameOf(resource).toLowerCase());
  return rivals.sort((a, b) => (age(a) < age(b) ? -1 : 1))[0];
}

function isForeign(own: StoredRecord | undefined, installation: string): boolean {
  const owner = own?.record?.owner;
  return owner !== undefined && !(owner.manager === 'mcp2-operator' && owner.installation === installation);
}

function nameOf({ spec, metadata }: KubeObject): string {
  return spec.serverName ?? metadata.name;
}

function uidOf({ metadata }: KubeObject): string {
  return (metadata as { uid?: string }).uid ?? '';
}

function whereIs({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
