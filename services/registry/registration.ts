/**
 * One searchable registration: endpoints that share capabilities, tags, version and visibility.
 *
 * A record of the operator is one registration with all its endpoints. A server that registered itself is one with no
 * endpoints (its ownership and last declaration) and one for each instance, because instances declare for themselves.
 * Everything a search needs is made here once, when a record arrives, and not at each Lookup; the endpoints are those
 * of the record, since a copy of each of 100,000 is felt when they are loaded.
 */

import type { Pattern } from '#lib/capability/pattern.ts';
import type { InstanceRecord } from '#lib/store/instances.ts';
import type { Endpoint, ServerRecord, Visibility } from '#lib/store/servers.ts';
import type { Revision } from '#lib/store/store.ts';
import { ZONE_TAG } from '#lib/well-known.ts';

export const REGION_TAG = 'topology.kubernetes.io/region';

export interface Registration {
  /** As spelled by its owner. */
  readonly serverName: string;
  /** The name in the form under which names are unique and sorted. */
  readonly foldedName: string;
  readonly capabilities: readonly Pattern[];
  readonly tags: Readonly<Record<string, string>>;
  readonly version: string;
  readonly visibility: Visibility;
  /** Lower-case hex; "" when there is none. */
  readonly cardDigest: string;
  readonly endpoints: readonly Endpoint[];
  readonly isServing: boolean;
  /** Where the tags say that endpoints are which do not say so themselves. */
  readonly zone: string | undefined;
  readonly region: string | undefined;
  /** 0 (idle) to 1000 (full). */
  readonly loadPermille: number;
  /** How long its endpoint outlives the last keep-alive; 0 when it has no lease. */
  readonly ttlSeconds: number;
  readonly modRevision: Revision;
}

/** Where a record was found, and how its capabilities are compiled: text that is no pattern is left out. */
export interface RegistrationContext {
  readonly foldedName: string;
  readonly modRevision: Revision;
  readonly compile: (capability: string) => Pattern | undefined;
}

/** What an operator's record offers, or what the owner of a self-registered name declared last. */
export function registrationOfServer(record: ServerRecord, context: RegistrationContext): Registration {
  const endpoints = record.owner.manager === 'register' ? [] : record.endpoints;
  const own = { endpoints, cardDigest: record.cardDigest, loadPermille: 0, ttlSeconds: 0 };
  return createRegistration(record.name, record, { ...own, ...context });
}

export function registrationOfInstance(record: InstanceRecord, context: RegistrationContext): Registration {
  const { endpoint, loadPermille, ttlSeconds } = record;
  const own = { endpoints: [endpoint], cardDigest: '', loadPermille, ttlSeconds };
  return createRegistration(record.serverName, record, { ...own, ...context });
}

type Declared = Pick<ServerRecord, 'capabilities' | 'tags' | 'version' | 'visibility'>;
type Own = RegistrationContext & Pick<Registration, 'endpoints' | 'cardDigest' | 'loadPermille' | 'ttlSeconds'>;

function createRegistration(serverName: string, { capabilities, tags, version, visibility }: Declared, own: Own) {
  return {
    serverName,
    foldedName: own.foldedName,
    capabilities: capabilities.map(own.compile).filter((pattern) => pattern !== undefined),
    tags,
    version,
    visibility,
    cardDigest: own.cardDigest,
    endpoints: own.endpoints,
    isServing: own.endpoints.some(({ health }) => health === 'SERVING'),
    zone: tags[ZONE_TAG],
    region: tags[REGION_TAG],
    loadPermille: own.loadPermille,
    ttlSeconds: own.ttlSeconds,
    modRevision: own.modRevision,
  };
}
