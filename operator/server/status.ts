/**
 * The status of one resource, from what a visit found. Nothing in it changes while the situation stays the same: no
 * times of probes, no counters, so that an unchanged server costs no write.
 */

import { formatTime } from '#lib/kube/micro-time.ts';
import type { ServerRecord } from '#lib/store/servers.ts';
import type { Revision } from '#lib/store/store.ts';
import { conditions } from './conditions.ts';
import type { CardComparison, Observation } from './observation.ts';
import type { Verdict } from './prober.ts';
import type { Condition, Mcp2ServerStatus } from './resource.ts';

/** The full list is in Discovery; a status is for people. */
const MAX_SAMPLE = 8;
const MAX_CAPABILITIES_LISTED = 64;
const MAX_SERVICES_LISTED = 16;

export interface StatusInput {
  readonly observation: Observation;
  readonly previous: Mcp2ServerStatus | undefined;
  readonly serverName: string;
  /** What Discovery holds of ours; undefined when it holds nothing. */
  readonly registered: { readonly record: ServerRecord; readonly revision: Revision } | undefined;
  readonly verdicts: readonly Verdict[];
  readonly nowMs: number;
}

export function buildStatus(input: StatusInput): Mcp2ServerStatus {
  const { observation, previous, serverName, registered, nowMs } = input;
  const serving = registered?.record.endpoints.filter(({ health }) => health === 'SERVING') ?? [];
  const total = observation.endpoints?.total ?? registered?.record.endpoints.length ?? 0;
  const info = input.verdicts.find(({ card }) => card !== undefined)?.card?.card;
  const serverInfo = info
    ? { ...pick(info), services: info.services.slice(0, MAX_SERVICES_LISTED) }
    : previous?.serverInfo;
  const registration = registrationOf(input);
  const capabilities = capabilitiesOf(input);
  return {
    observedGeneration: observation.generation,
    serverName,
    ...(registration ? { registration } : {}),
    endpoints: { ready: serving.length, total, summary: `${serving.length}/${total}` },
    endpointSample: (registered?.record.endpoints ?? []).slice(0, MAX_SAMPLE).map(({ url, zone, health }) => ({
      address: url,
      ...(zone === undefined ? {} : { zone }),
      ready: health === 'SERVING',
    })),
    ...(serverInfo ? { serverInfo } : {}),
    ...(capabilities ? { capabilities } : {}),
    conditions: conditions({ observation, previous: previous?.conditions ?? [], nowMs }),
  };
}

function pick({ name, version, protocol }: { name: string; version: string; protocol: string }) {
  return { name, version, protocol };
}

function registrationOf({ registered, previous, nowMs }: StatusInput): Mcp2ServerStatus['registration'] {
  if (!registered) return undefined;
  const { record, revision } = registered;
  const registeredAt = previous?.registration?.registeredAt ?? formatTime(nowMs);
  return { revision: String(revision), hash: record.hash, registeredAt };
}

function capabilitiesOf({ observation, registered }: StatusInput): Mcp2ServerStatus['capabilities'] {
  if (!registered) return undefined;
  const { capabilities, cardDigest } = registered.record;
  const known = observation.card ?? { declaredOnly: [], undeclared: [] };
  return {
    advertised: capabilities.length,
    declaredOnly: known.declaredOnly.slice(0, MAX_CAPABILITIES_LISTED),
    undeclared: known.undeclared.slice(0, MAX_CAPABILITIES_LISTED),
    ...(cardDigest ? { digest: `sha256:${cardDigest}` } : {}),
  };
}

/**
 * What the cards said of the declared capabilities, as an earlier visit found it, also that of an operator before this
 * one. It stands while neither the spec nor the card in Discovery changed.
 */
export function rememberedComparison(
  previous: Mcp2ServerStatus | undefined,
  { generation, cardDigest }: { readonly generation: number; readonly cardDigest: string },
): CardComparison | undefined {
  const { capabilities, conditions: before = [], observedGeneration } = previous ?? {};
  const isKnown = before.some(({ type, status }) => type === 'CapabilitiesMatch' && status !== 'Unknown');
  const digest = cardDigest === '' ? undefined : `sha256:${cardDigest}`;
  if (!isKnown || observedGeneration !== generation || capabilities?.digest !== digest) return undefined;
  return { declaredOnly: capabilities?.declaredOnly ?? [], undeclared: capabilities?.undeclared ?? [] };
}

/**
 * The conditions whose status changed: each is news once. No news are a first visit that finds nothing wrong, Ready where
 * it only repeats what another of them says, and what is not known any more because another one turned false.
 */
export function flips(before: readonly Condition[], after: readonly Condition[]): readonly Condition[] {
  const changed = after.filter(({ type, status }) => {
    const known = before.find((condition) => condition.type === type);
    return known === undefined ? status === 'False' : known.status !== status;
  });
  const others = changed.filter(({ type }) => type !== 'Ready');
  const follows = others.some(({ status }) => status === 'False');
  return changed.filter(({ type, status, reason }) => {
    if (type === 'Ready') return !others.some((other) => other.reason === reason);
    return status !== 'Unknown' || !follows;
  });
}
