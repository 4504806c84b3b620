/** An endpoint as Lookup tells it. */
import type * as records from '#lib/store/servers.ts';
import type { EndpointDescriptor } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { Health } from '#protos/generated/mcp2/Health.ts';
import { Transport } from '#protos/generated/mcp2/Transport.ts';
import type { Registration } from './registration.ts';

export interface DescriptorContext {
  /** Cut to what the caller could have looked up. */
  readonly capabilities: string[];
  readonly latencyMs: number | undefined;
  readonly nowMs: number;
}

const HEALTH: Readonly<Record<records.Health, Health>> = {
  UNKNOWN: Health.HEALTH_UNKNOWN,
  SERVING: Health.HEALTH_SERVING,
  NOT_SERVING: Health.HEALTH_NOT_SERVING,
  DRAINING: Health.HEALTH_DRAINING,
};

const TRANSPORT: Readonly<Record<records.Transport, Transport>> = {
  UNKNOWN: Transport.TRANSPORT_UNKNOWN,
  PLAINTEXT: Transport.TRANSPORT_PLAINTEXT,
  TLS: Transport.TRANSPORT_TLS,
  MTLS: Transport.TRANSPORT_MTLS,
};

export function describeEndpoint(
  registration: Registration,
  endpoint: records.Endpoint,
  { capabilities, latencyMs = 0, nowMs }: DescriptorContext,
): EndpointDescriptor {
  return {
    server_name: registration.serverName,
    grpc_url: endpoint.url,
    capabilities,
    instance_id: endpoint.instanceId,
    tags: registration.tags,
    health: HEALTH[endpoint.health],
    latency_ms: Math.round(latencyMs),
    card_digest: Buffer.from(registration.cardDigest, 'hex'),
    version: registration.version,
    // Which keep-alive was the last one is known to the store alone: this is when it ends if that one came just now.
    expires_at_ms: registration.ttlSeconds === 0 ? 0 : nowMs + registration.ttlSeconds * 1000,
    weight: endpoint.weight,
    mod_revision: registration.modRevision,
    tls_server_name: endpoint.tlsServerName ?? '',
    transport: TRANSPORT[endpoint.transport],
  };
}
