/**
 * Which handshakes prove one server, one for each endpoint.
 */
import { canonicalHash } from '#lib/canonical-json.ts';
import { DEFAULT_WEIGHT, MAX_ENDPOINTS, type ServerRecord } from '#lib/store/servers.ts';
import { heldHealth } from './desired.ts';
import { transportOf } from './endpoints.ts';
import type { Handshake } from './handshake.ts';
import type { ProbeTarget } from './prober.ts';
import type { Resolved } from './resolve.ts';
import { type Mcp2Server, serverNameOf } from './resource.ts';

export interface TargetsInput {
  readonly resource: Mcp2Server;
  readonly resolved: Resolved;
  /** What Discovery holds now, when it is ours. */
  readonly held: ServerRecord | undefined;
  /** PEM; undefined = the system's roots. */
  readonly ca: string | undefined;
  readonly handshake: Handshake;
}

export function targetsOf({ resource, resolved, held, ca, handshake }: TargetsInput): readonly ProbeTarget[] {
  const serverName = serverNameOf(resource);
  const transport = transportOf(resource.spec.tls.mode);
  const { tlsServerName } = resolved;
  return resolved.candidates.slice(0, MAX_ENDPOINTS).map(({ instanceId, url }) => {
    const target = { serverName, url, transport, tlsServerName, ca };
    const named = tlsServerName === undefined ? {} : { tlsServerName };
    const endpoint = { instanceId, url, transport, ...named, weight: DEFAULT_WEIGHT };
    return {
      instanceId,
      identity: canonicalHash(target),
      trusted: heldHealth(endpoint, { resource, held }) === 'SERVING',
      handshake: (signal) => handshake(target, signal),
    };
  });
}
