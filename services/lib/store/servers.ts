/**
 * The server record: what Discovery knows of one server name. One shape for both writers, the operator and Register.
 *
 * A record of the operator carries its endpoints and no lease (static stability); a record of Register carries only
 * ownership and the last declaration, its endpoints are instance records (`instances.ts`) that live on leases.
 * Readers ignore unknown members, so that an older replica can read a newer record.
 */
import { canonicalHash } from '#lib/canonical-json.ts';
import type { Owner } from './owner.ts';

export const TRANSPORTS = ['UNKNOWN', 'PLAINTEXT', 'TLS', 'MTLS'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export const HEALTHS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'DRAINING'] as const;
export type Health = (typeof HEALTHS)[number];

export interface Endpoint {
  /** The pod's uid, or 26 base32 characters of SHA-256(url). */
  readonly instanceId: string;
  /** host:port; IPv6 in brackets. */
  readonly url: string;
  readonly transport: Transport;
  /** The name in the server's certificate; absent for plaintext. */
  readonly tlsServerName?: string;
  readonly zone?: string;
  readonly health: Health;
  /** Share of traffic among equals, 1..10000; 100 is usual. */
  readonly weight: number;
}

export interface Visibility {
  /** An exact `sub` or `<namespace>.*`; empty = everybody. At most 256. */
  readonly visibleTo: readonly string[];
  /** All must be held by the caller's token. */
  readonly requiredCapabilities: readonly string[];
}

export interface ServerRecord {
  /** As spelled by its owner; the key is folded. */
  readonly name: string;
  readonly owner: Owner;
  readonly capabilities: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  /** The server's own version; "" when unknown. */
  readonly version: string;
  readonly visibility: Visibility;
  /** Lower-case hex SHA-256 of the service card; "" when there is none. */
  readonly cardDigest: string;
  /** Of everything but health and itself: two records with one hash need no write. */
  readonly hash: string;
  readonly endpoints: readonly Endpoint[];
}

export const MAX_ENDPOINTS = 1000;
export const DEFAULT_WEIGHT = 100;

/** Adds the hash. */
export function sealServerRecord(record: Omit<ServerRecord, 'hash'>): ServerRecord {
  const endpoints = record.endpoints.map(({ health: _, ...endpoint }) => endpoint);
  return { ...record, hash: canonicalHash({ ...record, endpoints }) };
}

export function encodeServerRecord(record: ServerRecord): string {
  return JSON.stringify(record);
}

/** @returns undefined for anything that is no server record; a foreign value must not stop a reader. */
export function decodeServerRecord(text: string): ServerRecord | undefined {
  const value = parseObject(text);
  const owner = value && decodeOwner(value.owner);
  if (!value || !owner || typeof value.name !== 'string') return undefined;
  return {
    name: value.name,
    owner,
    capabilities: decodeStrings(value.capabilities),
    tags: decodeTags(value.tags),
    version: decodeString(value.version),
    visibility: decodeVisibility(value.visibility),
    cardDigest: decodeString(value.cardDigest),
    hash: decodeString(value.hash),
    endpoints: Array.isArray(value.endpoints) ? value.endpoints.flatMap((item) => decodeEndpoint(item) ?? []) : [],
  };
}

export function sameOwner(a: Owner, b: Owner): boolean {
  if (a.manager === 'register' || b.manager === 'register') {
    return a.manager === 'register' && b.manager === 'register' && a.sub === b.sub;
  }
  return a.installation === b.installation && a.namespace === b.namespace && a.name === b.name;
}

export function decodeVisibility(value: unknown): Visibility {
  const object = isObject(value) ? value : {};
  return {
    visibleTo: decodeStrings(object.visibleTo),
    requiredCapabilities: decodeStrings(object.requiredCapabilities),
  };
}

export function decodeStrings(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.every(isString) ? value : value.filter(isString);
}

export function decodeString(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function decodeTags(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  // Usually all are text; a copy of each of 100,000 records is felt when they are loaded.
  if (isTags(value)) return value;
  return Object.fromEntries(Object.entries(value).filter((tag): tag is [string, string] => isString(tag[1])));
}

export function decodeEndpoint(value: unknown): Endpoint | undefined {
  if (!isObject(value) || typeof value.instanceId !== 'string' || typeof value.url !== 'string') return undefined;
  return {
    instanceId: value.instanceId,
    url: value.url,
    transport: TRANSPORTS.find((transport) => transport === value.transport) ?? 'UNKNOWN',
    ...(typeof value.tlsServerName === 'string' ? { tlsServerName: value.tlsServerName } : {}),
    ...(typeof value.zone === 'string' ? { zone: value.zone } : {}),
    health: HEALTHS.find((health) => health === value.health) ?? 'UNKNOWN',
    weight: typeof value.weight === 'number' && value.weight > 0 ? value.weight : DEFAULT_WEIGHT,
  };
}

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function decodeOwner(value: unknown): Owner | undefined {
  if (!isObject(value)) return undefined;
  if (value.manager === 'register' && typeof value.sub === 'string') return { manager: 'register', sub: value.sub };
  const { installation, namespace, name, uid } = value;
  if (value.manager !== 'mcp2-operator' || typeof installation !== 'string' || typeof namespace !== 'string') {
    return undefined;
  }
  if (typeof name !== 'string' || typeof uid !== 'string') return undefined;
  return { manager: 'mcp2-operator', installation, namespace, name, uid };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isTags(value: Record<string, unknown>): value is Record<string, string> {
  for (const key in value) if (typeof value[key] !== 'string') return false;
  return true;
}
