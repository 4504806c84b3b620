/**
 * The record that Discovery should hold for one resource, given what is known of its endpoints: pure.
 *
 * An endpoint is written as soon as the cluster calls it ready, with health UNKNOWN, and turns SERVING when its
 * gates pass. A verdict that the record already carries survives our restarts while nothing about the endpoint
 * changed: a new operator must not empty Discovery while it looks around.
 */
import type { ReadCard } from '#lib/card/service-card.ts';
import type { Owner } from '#lib/store/owner.ts';
import {
  DEFAULT_WEIGHT,
  type Endpoint,
  type Health,
  MAX_ENDPOINTS,
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
  /** Every endpoint that clients get has shown its card to this process, so that `advertisement` is the whole truth. */
  readonly isProved: boolean;
  /** Until the next endpoint has been ready for long enough; undefined when none waits. */
  readonly settlesInMs: number | undefined;
}

export function desiredRecord(input: DesiredInput): Desired {
  const { resource, owner, candidates, visibility, held, verdictOf } = input;
  const kept = [...candidates].slice(0, MAX_ENDPOINTS);
  const endpoints = endpointsOf(kept, input);
  const cards = kept.flatMap(({ instanceId }) => verdictOf(instanceId).card ?? []);
  const isProved = cards.length > 0 && endpoints.every((endpoint) => !isTakenOver(endpoint, input));
  const advertisement = advertisementOf(input, cards, isProved);
  const digests = new Set(cards.map(({ digest }) => digest));
  const digest = digests.size === 1 ? (cards[0]?.digest ?? '') : '';
  const version = cards[0]?.card.version ?? '';
  const record = sealServerRecord({
    name: serverNameOf(resource),
    owner,
    capabilities: advertisement.advertised,
    tags: resource.spec.registration.tags ?? {},
    version: isProved ? version : (held?.version ?? version),
    visibility,
    cardDigest: isProved ? digest : (held?.cardDigest ?? digest),
    endpoints,
  });
  return { record, advertisement, isProved, settlesInMs: settlesInMs(input, endpoints) };
}

/** Found SERVING in Discovery, and not proved again by this process yet. */
function isTakenOver({ instanceId, health }: Endpoint, { verdictOf }: DesiredInput): boolean {
  return health === 'SERVING' && verdictOf(instanceId).card === undefined;
}

/**
 * While endpoints are taken over, what Discovery holds stands for the cards that they showed to somebody else: a
 * restart neither widens what is advertised nor narrows it.
 */
function advertisementOf(
  { resource: { spec }, held }: DesiredInput,
  known: readonly ReadCard[],
  isProved: boolean,
): Advertisement {
  const declared = (spec.capabilities ?? []).map(({ name }) => name);
  const cards = known.map(({ card }) => card);
  if (!needsHandshake(spec)) return advertise('Declared', declared, []);
  if (isProved || spec.capabilityMode === 'Declared') return advertise(spec.capabilityMode, declared, cards);
  const wasProved = held && (held.cardDigest !== '' || held.endpoints.some(({ health }) => health === 'SERVING'));
  if (wasProved) return advertise(spec.capabilityMode, declared, [...cards, held]);
  return advertise(cards.length > 0 ? spec.capabilityMode : 'Declared', declared, cards);
}

/**
 * Pods may be replaced faster than `minReadySeconds`, or than a handshake, and clients must find somebody meanwhile.
 * While others shut down and nobody serves, whoever is verified need not wait. While nobody is, but may be soon, those
 * that shut down stay, for as long as the cluster says that they answer; kube-proxy does the same (KEP-1669).
 */
function endpointsOf(candidates: readonly Candidate[], input: DesiredInput): readonly Endpoint[] {
  const { verdictOf } = input;
  const endpoints = candidates.map((candidate) => toEndpoint(candidate, input));
  if (endpoints.some(isServing) || !endpoints.some(({ health }) => health === 'DRAINING')) return endpoints;
  const now = { ...input, readyForMs: () => Number.POSITIVE_INFINITY };
  const hurried = candidates.map((candidate) => toEndpoint(candidate, now));
  if (hurried.some(isServing)) return hurried;
  const isAwaited = ({ instanceId, state }: Candidate) =>
    state === 'ready' && verdictOf(instanceId).verified === undefined;
  if (!candidates.some(isAwaited)) return endpoints;
  const stays = (endpoint: Endpoint) =>
    endpoint.health === 'DRAINING' &&
    heldHealth(endpoint, input) === 'SERVING' &&
    verdictOf(endpoint.instanceId).verified !== false;
  return endpoints.map((endpoint) => (stays(endpoint) ? { ...endpoint, health: 'SERVING' } : endpoint));
}

const isServing = ({ health }: Endpoint) => health === 'SERVING';

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
