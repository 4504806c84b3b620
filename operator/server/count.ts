/**
 * From what a visit found to the plain facts that the conditions are judged by: pure.
 */
import type { ServerRecord } from '#lib/store/servers.ts';
import type { SourcedServer } from '../source/source.ts';
import type { EndpointCounts, Handshakes, Observation } from './observation.ts';
import type { Verdict } from './prober.ts';
import type { Resolved } from './resolve.ts';
import type { Mcp2Server } from './resource.ts';
import { needsHandshake } from './verdicts.ts';

/** @param written What Discovery was given; without it nothing is known of endpoints that settle. */
export function countEndpoints(
  { candidates, total }: Resolved,
  written?: { readonly resource: Mcp2Server; readonly record: ServerRecord },
): EndpointCounts {
  const ready = new Set(candidates.filter(({ state }) => state === 'ready').map(({ instanceId }) => instanceId));
  const counts = { ready: ready.size, draining: candidates.length - ready.size, total };
  // With a handshake to come, that is what an endpoint waits for.
  if (written === undefined || needsHandshake(written.resource.spec)) return counts;
  const { endpoints } = written.record;
  const settling = endpoints.filter(({ instanceId, health }) => ready.has(instanceId) && health !== 'SERVING').length;
  return { ...counts, settling };
}

export function countHandshakes(
  { candidates }: Resolved,
  { record, verdicts }: { readonly record: ServerRecord; readonly verdicts: ReadonlyMap<string, Verdict> },
): Handshakes {
  const serving = record.endpoints.filter(({ health }) => health === 'SERVING').length;
  const ready = candidates.filter(({ state }) => state === 'ready');
  const failed = ready.flatMap(({ instanceId, url }) => {
    const failure = verdicts.get(instanceId)?.failure;
    return failure ? [{ url, ...failure }] : [];
  });
  return { serving, pending: Math.max(0, ready.length - serving - failed.length), failed };
}

/** A visit begins with this. */
export function nothingSeen({ metadata }: SourcedServer): Observation {
  return {
    generation: metadata.generation ?? 1,
    deleting: metadata.deletionTimestamp !== undefined,
    parsed: undefined,
    nameHolder: undefined,
    denial: undefined,
    references: undefined,
    endpoints: undefined,
    handshakes: undefined,
    card: undefined,
    registration: undefined,
  };
}
