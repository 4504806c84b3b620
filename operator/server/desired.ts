/**
 * The record that Discovery should hold for one resource, given what is known of its endpoints: pure.
 *
 * An endpoint is written as soon as the cluster calls it ready, with health UNKNOWN, and turns SERVING when its
 * gates pass. A verdict that the record already carries survives our restarts while nothing about the endpoint
 * changed: a new operator must not empty Discovery while it looks around.
 */
import { contains } from '#lib/capability/pattern.ts';
import {
  DEFAULT_WEIGHT,
  type Endpoint,
  type Health,
  MAX_ENDPOINTS,
  type Owner,
  type ServerRecord,
  sealServerRecord,
  type Visibility,
} from '#lib/store/servers.ts';
import { type Advertisement, advertise } from './advertise.ts';
import { type Candidate, transportOf } from './endpoints.ts';
import type { Verdict } from './prober.ts';
import { type Mcp2Server, serverNameOf } from './resource.ts';
import { needsHandshake } from './verdicts.ts';

export interface DesiredInput {
  readonly resource: Mcp2Server;
  readonly owner: Owner;
  readonly candidates: readonly Candidate[];
  /** Name in the endpoints' certificates; absent for plaintext. */
  readonly tlsServerName: string | undefined;
  readonly visibility: Visibility;
  /** What Discovery holds now, when it is ours. */
  readonly held: ServerRecord | undefined;
  readonly verdictOf: (instanceId: string) => Verdict;
  /** How long the cluster has called this endpoint ready, as far as we saw. */
  readonly readyForMs: (instanceId: string) => number;
}

export interface Desired {
  readonly record: ServerRecord;
  readonly advertisement: Advertisement;
  /** Until the next endpoint has been ready for long enough; undefined when none waits. */
  readonly settlesInMs: number | undefined;
}

export function desiredRecord(input: DesiredInput): Desired {
  const { resource, owner, candidates, visibility, held, verdictOf } = input;
  const kept = [...candidates].slice(0, MAX_ENDPOINTS);
  const endpoints = kept.map((candidate) => toEndpoint(candidate, input));
  const cards = kept.flatMap(({ instanceId }) => verdictOf(instanceId).card ?? []);
  const advertisement = advertisementOf(resource, held, cards);
  const digests = new Set(cards.map(({ digest }) => digest));
  const record = sealServerRecord({
    name: serverNameOf(resource),
    owner,
    capabilities: advertisement.advertised,
    tags: resource.spec.registration.tags ?? {},
    version: cards[0]?.card.version ?? held?.version ?? '',
    visibility,
    cardDigest: cards.length === 0 ? (held?.cardDigest ?? '') : digests.size === 1 ? (cards[0]?.digest ?? '') : '',
    endpoints,
  });
  return { record, advertisement, settlesInMs: settlesInMs(input, endpoints) };
}

function advertisementOf(
  { spec }: Mcp2Server,
  held: ServerRecord | undefined,
  cards: readonly NonNullable<Verdict['card']>[],
): Advertisement {
  const declared = (spec.capabilities ?? []).map(({ name }) => name);
  const mode = needsHandshake(spec) ? spec.capabilityMode : 'Declared';
  if (mode === 'Declared' || cards.length > 0)
    return advertise(
      mode,
      declared,
      cards.map(({ card }) => card),
    );
  const known = (held?.capabilities ?? []).filter(
    (one) => mode === 'Discovered' || declared.some((other) => contains(other, one)),
  );
  if (held?.cardDigest) return { advertised: known, declaredOnly: [], undeclared: [] };
  return { advertised: [...new Set(declared)].sort(), declaredOnly: [], undeclared: [] };
}

function toEndpoint(candidate: Candidate, input: DesiredInput): Endpoint {
  const { resource, tlsServerName } = input;
  const endpoint = {
    instanceId: candidate.instanceId,
    url: candidate.url,
    transport: transportOf(resource.spec.tls.mode),
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(candidate.zone === undefined ? {} : { zone: candidate.zone }),
    weight: DEFAULT_WEIGHT,
  };
  return { ...endpoint, health: healthOf(candidate, heldHealth(endpoint, input), input) };
}

/** The health that Discovery has for exactly this endpoint; UNKNOWN for a new or changed one. */
export function heldHealth(
  { instanceId, url, transport, tlsServerName }: Omit<Endpoint, 'health'>,
  { resource, held }: Pick<DesiredInput, 'resource' | 'held'>,
): Health {
  if (held?.name !== serverNameOf(resource)) return 'UNKNOWN';
  const known = held.endpoints.find((endpoint) => endpoint.instanceId === instanceId);
  const unchanged = known?.url === url && known.transport === transport && known.tlsServerName === tlsServerName;
  return known && unchanged ? known.health : 'UNKNOWN';
}

function healthOf(candidate: Candidate, before: Health, input: DesiredInput): Health {
  if (candidate.state === 'draining') return 'DRAINING';
  const { verified } = input.verdictOf(candidate.instanceId);
  if (needsHandshake(input.resource.spec)) {
    if (verified === undefined) return before === 'DRAINING' ? 'UNKNOWN' : before;
    if (!verified) return 'NOT_SERVING';
  }
  return before === 'SERVING' || isSettled(candidate, input) ? 'SERVING' : 'UNKNOWN';
}

/** Up edges wait, down edges act at once. An address has no pod that could flap. */
function isSettled({ instanceId }: Candidate, { resource, readyForMs }: DesiredInput): boolean {
  if (resource.spec.source.address !== undefined) return true;
  return readyForMs(instanceId) >= resource.spec.readiness.minReadySeconds * 1000;
}

function settlesInMs(input: DesiredInput, endpoints: readonly Endpoint[]): number | undefined {
  const { resource, candidates, readyForMs } = input;
  const needMs = resource.spec.readiness.minReadySeconds * 1000;
  const waits = endpoints.flatMap(({ instanceId, health }) => {
    const candidate = candidates.find((one) => one.instanceId === instanceId);
    if (health !== 'UNKNOWN' || candidate?.state !== 'ready' || isSettled(candidate, input)) return [];
    return [needMs - readyForMs(instanceId)];
  });
  return waits.length > 0 ? Math.max(1, Math.min(...waits)) : undefined;
}
