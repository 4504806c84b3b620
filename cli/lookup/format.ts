/** A lookup's answer as people and programs read it. Pure. */
import { ZONE_TAG } from '#lib/well-known.ts';
import type { EndpointDescriptor__Output } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { Health } from '#protos/generated/mcp2/Health.ts';
import { Transport } from '#protos/generated/mcp2/Transport.ts';
import { formatTable } from '../text/table.ts';
import type { LookupAnswer } from './pages.ts';

const TITLES = ['NAME', 'ENDPOINT', 'TRANSPORT', 'HEALTH', 'ZONE', 'CAPABILITIES'];

export function formatEndpoints(endpoints: readonly EndpointDescriptor__Output[]): string[] {
  return formatTable(
    TITLES,
    endpoints.map((endpoint) => [
      endpoint.server_name,
      endpoint.grpc_url,
      nameOf(Transport, endpoint.transport),
      nameOf(Health, endpoint.health),
      endpoint.tags[ZONE_TAG],
      endpoint.capabilities.join(','),
    ]),
  );
}

/** Members are named as in the .proto file; bytes are hex, enums are words. */
export function toPlain({ endpoints, notServing, revision, stale, cut }: LookupAnswer): object {
  return {
    endpoints: endpoints.map((endpoint) => ({
      ...endpoint,
      transport: nameOf(Transport, endpoint.transport),
      health: nameOf(Health, endpoint.health),
      card_digest: endpoint.card_digest.toString('hex'),
    })),
    not_serving: notServing,
    revision,
    stale,
    cut,
  };
}

/** "SERVING" of HEALTH_SERVING; a value that this version does not know is its number. */
function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  const name = Object.keys(values).find((key) => values[key] === value);
  return name === undefined ? String(value) : name.slice(name.indexOf('_') + 1);
}
