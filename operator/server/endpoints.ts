/**
 * From a Service and its EndpointSlices to the endpoints of one server: one a pod, by EndpointSlice's conditions.
 *
 * The rules are those of the EndpointSlice API (KEP-752, KEP-1672): slices belong to a Service by label, a Service
 * may have several, the same address may appear twice, an absent `ready` means ready, an absent `serving` means
 * what `ready` says, an absent `terminating` means no.
 *
 * Slices are not only written by Kubernetes: whoever may create one in the namespace writes what it likes into it, and
 * the API server checks little of that.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { whyForbidden } from '#lib/net/forbidden-address.ts';
import type { Transport } from '#lib/store/servers.ts';

export interface Service {
  readonly spec?: {
    readonly type?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly publishNotReadyAddresses?: boolean;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}

export interface EndpointSlice {
  readonly addressType: string;
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
  readonly endpoints?: readonly SliceEndpoint[] | null;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean | null;
    readonly serving?: boolean | null;
    readonly terminating?: boolean | null;
  };
  readonly targetRef?: { readonly kind?: string; readonly uid?: string };
  readonly zone?: string;
}

/** An endpoint as the cluster sees it, before any handshake. */
export interface Candidate {
  readonly instanceId: string;
  /** host:port; IPv6 in brackets. */
  readonly url: string;
  readonly zone?: string;
  readonly state: 'ready' | 'draining';
}

export type Resolution =
  | {
      readonly kind: 'resolved';
      readonly candidates: readonly Candidate[];
      /** Ready, draining and not ready. */
      readonly total: number;
      /** Why readiness may not mean what it says; for a condition's message. */
      readonly warning?: string;
    }
  | { readonly kind: 'service-not-found' }
  | { readonly kind: 'port-not-found'; readonly available: readonly string[] }
  | { readonly kind: 'external-name' };

/** @param port The Service port's name, or its number as text. */
export function resolveService(
  service: Service | undefined,
  slices: readonly EndpointSlice[],
  port: string,
): Resolution {
  if (!service) return { kind: 'service-not-found' };
  if (service.spec?.type === 'ExternalName') return { kind: 'external-name' };
  const ports = service.spec?.ports ?? [];
  const wanted = ports.find(({ name, port: number }) => name === port || String(number) === port);
  if (!wanted) return { kind: 'port-not-found', available: ports.map(({ name, port: number }) => name ?? `${number}`) };
  const found = new Map<string, Candidate | undefined>();
  for (const slice of slices) collect(slice, wanted.name ?? '', found);
  return {
    kind: 'resolved',
    candidates: distinct([...found.values()].filter((candidate) => candidate !== undefined)),
    total: found.size,
    ...(service.spec?.publishNotReadyAddresses
      ? { warning: 'the Service sets publishNotReadyAddresses, so pods count as ready before they are' }
      : {}),
  };
}

/** Adds each endpoint by url; a ready appearance wins over a draining one, that over one that is not ready. */
function collect(slice: EndpointSlice, portName: string, found: Map<string, Candidate | undefined>): void {
  if (slice.addressType === 'FQDN') return;
  const port = (slice.ports ?? []).find(({ name }) => (name ?? '') === portName)?.port;
  if (port === undefined) return;
  for (const endpoint of slice.endpoints ?? []) {
    const address = endpoint.addresses[0];
    if (address === undefined) continue;
    const url = hostPort(address, port);
    const state = isDialable(address) ? stateOf(endpoint) : 'not-ready';
    const known = found.get(url);
    if (known?.state === 'ready' || (known && state !== 'ready')) continue;
    found.set(url, state === 'not-ready' ? undefined : toCandidate(endpoint, url, state));
  }
}

/** A name, "0177.0.0.1" (octal to some, decimal to others) and what is forbidden everywhere are no endpoints. */
function isDialable(address: string): boolean {
  return isIP(address) !== 0 && whyForbidden(ipaddr.parse(address)) === undefined;
}

function toCandidate({ targetRef, zone }: SliceEndpoint, url: string, state: Candidate['state']): Candidate {
  const uid = targetRef?.kind === 'Pod' ? (targetRef.uid ?? '') : '';
  return {
    instanceId: UID.test(uid) ? uid : instanceIdOf(url),
    url,
    state,
    ...(zone && LABEL_VALUE.test(zone) ? { zone } : {}),
  };
}
const UID = /^[A-Za-z0-9-]{1,64}$/;
const LABEL_VALUE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/**
 * In the order of their ids, which are unique: an endpoint that shared one with another would be advertised on the
 * other's handshake. A pod with an IPv4 and an IPv6 address has two endpoints; the first by url keeps its uid.
 */
function distinct(candidates: readonly Candidate[]): readonly Candidate[] {
  const byId = new Map<string, Candidate>();
  for (const candidate of [...candidates].sort((a, b) => (a.url < b.url ? -1 : 1))) {
    const { instanceId, url } = candidate;
    const unique = byId.has(instanceId) ? { ...candidate, instanceId: instanceIdOf(url) } : candidate;
    byId.set(unique.instanceId, unique);
  }
  return [...byId.values()].sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
}

function stateOf({ conditions }: SliceEndpoint): Candidate['state'] | 'not-ready' {
  const ready = conditions?.ready ?? true;
  const serving = conditions?.serving ?? ready;
  if (conditions?.terminating) return serving ? 'draining' : 'not-ready';
  return ready ? 'ready' : 'not-ready';
}

/** host:port with IPv6 in brackets (RFC 3986 Section 3.2.2). */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** 26 base32 characters (RFC 4648 Section 6, lower case) of SHA-256(url): stable while the url is. */
export function instanceIdOf(url: string): string {
  const digest = createHash('sha256').update(url).digest();
  let bits = 0n;
  for (const byte of digest.subarray(0, 17)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let index = 0; index < 26; index += 1)
    text += 'abcdefghijklmnopqrstuvwxyz234567'[Number((bits >> BigInt(131 - index * 5)) & 31n)];
  return text;
}

/** `tls.mode` of the resource as clients learn it. */
export function transportOf(tlsMode: 'Disabled' | 'Simple' | 'Mutual'): Transport {
  return tlsMode === 'Disabled' ? 'PLAINTEXT' : tlsMode === 'Simple' ? 'TLS' : 'MTLS';
}
