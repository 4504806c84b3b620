/**
 * The instance record: one endpoint of a server that registered itself, bound to a lease.
 *
 * It vanishes when its registrant stops sending heartbeats. The lease token is stored as its hash: who can read
 * the store cannot keep a foreign instance alive.
 */
import {
  decodeEndpoint,
  decodeString,
  decodeStrings,
  decodeTags,
  decodeVisibility,
  type Endpoint,
  parseObject,
  type Visibility,
} from './servers.ts';

export interface InstanceRecord {
  readonly serverName: string;
  /** Who registered it; a heartbeat must come from the same sub. */
  readonly sub: string;
  readonly endpoint: Endpoint;
  readonly capabilities: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly version: string;
  readonly visibility: Visibility;
  /** 0 (idle) to 1000 (full), as the registrant says. */
  readonly loadPermille: number;
  readonly ttlSeconds: number;
  /** Lower-case hex SHA-256 of the lease token. */
  readonly leaseTokenHash: string;
}

export function encodeInstanceRecord(record: InstanceRecord): string {
  return JSON.stringify(record);
}

/** @returns undefined for anything that is no instance record. */
export function decodeInstanceRecord(text: string): InstanceRecord | undefined {
  const value = parseObject(text);
  const endpoint = value && decodeEndpoint(value.endpoint);
  if (!value || !endpoint || typeof value.serverName !== 'string' || typeof value.sub !== 'string') return undefined;
  return {
    serverName: value.serverName,
    sub: value.sub,
    endpoint,
    capabilities: decodeStrings(value.capabilities),
    tags: decodeTags(value.tags),
    version: decodeString(value.version),
    visibility: decodeVisibility(value.visibility),
    loadPermille: typeof value.loadPermille === 'number' ? value.loadPermille : 0,
    ttlSeconds: typeof value.ttlSeconds === 'number' ? value.ttlSeconds : 30,
    leaseTokenHash: decodeString(value.leaseTokenHash),
  };
}
