/**
 * One searchable registration: endpoints that share capabilities, tags, version and visibility.
 *
 * A record of the operator is one registration with all its endpoints. A server that registered itself is one with no
 * endpoints (its ownership and last declaration) and one for each instance, because instances declare for themselves.
 * Everything a search needs is made here once, when a record arrives, and not at each Lookup.
 */
import semver from 'semver';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import type { InstanceRecord } from '#lib/store/instances.ts';
import type { Endpoint, ServerRecord, Visibility } from '#lib/store/servers.ts';
import type { Revision } from '#lib/store/store.ts';

export const ZONE_TAG = 'topology.kubernetes.io/zone';
export const REGION_TAG = 'topology.kubernetes.io/region';

export interface Registration {
  /** As spelled by its owner. */
  readonly serverName: string;
  /** The name in the form under which names are unique and sorted. */
  readonly foldedName: string;
  readonly capabilities: readonly Pattern[];
  readonly tags: Readonly<Record<string, string>>;
  readonly version: string;
  /** Undefined when the version is empty or no semantic version: no range contains it. */
  readonly parsedVersion: semver.SemVer | undefined;
  readonly visibility: Visibility;
  readonly cardDigest: Buffer;
  readonly endpoints: readonly RegisteredEndpoint[];
  readonly isServing: boolean;
}

export interface RegisteredEndpoint extends Endpoint {
  readonly region?: string;
  readonly loadPermille: number;
  /** How long it outlives its last keep-alive; 0 when it has no lease. */
  readonly ttlSeconds: number;
  readonly modRevision: Revision;
}

/** What an operator's record offers, or what the owner of a self-registered name declared last. */
export function registrationOfServer(record: ServerRecord, modRevision: Revision): Registration {
  const endpoints = record.owner.manager === 'register' ? [] : record.endpoints;
  return createRegistration(record.name, {
    ...record,
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, loadPermille: 0, ttlSeconds: 0, modRevision })),
  });
}

export function registrationOfInstance(record: InstanceRecord, modRevision: Revision): Registration {
  const { endpoint, loadPermille, ttlSeconds } = record;
  return createRegistration(record.serverName, {
    ...record,
    cardDigest: '',
    endpoints: [{ ...endpoint, loadPermille, ttlSeconds, modRevision }],
  });
}

type Declaration = Pick<ServerRecord, 'capabilities' | 'tags' | 'version' | 'visibility' | 'cardDigest'> & {
  readonly endpoints: readonly RegisteredEndpoint[];
};

function createRegistration(serverName: string, declared: Declaration): Registration {
  const place = placeOf(declared.tags);
  return {
    serverName,
    foldedName: serverName.toLowerCase(),
    capabilities: declared.capabilities.flatMap((capability) => compilePattern(capability) ?? []),
    tags: declared.tags,
    version: declared.version,
    parsedVersion: semver.parse(declared.version) ?? undefined,
    visibility: declared.visibility,
    cardDigest: Buffer.from(declared.cardDigest, 'hex'),
    endpoints: declared.endpoints.map((endpoint) => ({ ...place, ...endpoint })),
    isServing: declared.endpoints.some(({ health }) => health === 'SERVING'),
  };
}

/** What the tags say of where the endpoints are; a zone of the endpoint itself knows better. */
function placeOf(tags: Readonly<Record<string, string>>): { zone?: string; region?: string } {
  const { [ZONE_TAG]: zone, [REGION_TAG]: region } = tags;
  return { ...(zone === undefined ? {} : { zone }), ...(region === undefined ? {} : { region }) };
}
