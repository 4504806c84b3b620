/**
 * Which of several endpoints gets the next attempt. Pure.
 *
 * Two are drawn by weight and the faster one is taken, counting what already waits there: nearly as good as knowing all
 * of them, and a crowd of clients does not run to the same one (Mitzenmacher, The Power of Two Choices).
 */
import { ZONE_TAG } from '#lib/well-known.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';

export interface Candidate {
  readonly endpoint: Pick<Endpoint, 'tags' | 'weight' | 'latency_ms'>;
  /** As this client measured it; undefined: not yet. */
  readonly latencyMs: number | undefined;
  /** Calls that run there now. */
  readonly inFlight: number;
  readonly isCallable: boolean;
}

export interface Preference {
  /** Of the caller; '' where it is not known. */
  readonly zone: string;
  readonly random: () => number;
}

/**
 * Those that are callable come before those that are not, then those of the same zone. When nobody is callable one of
 * them is tried all the same: with a breaker alone in the way a server that is back would be left out.
 */
export function chooseEndpoint<C extends Candidate>(candidates: readonly C[], preference: Preference): C | undefined {
  const callable = candidates.filter(({ isCallable }) => isCallable);
  const usable = callable.length > 0 ? callable : candidates;
  const near = usable.filter(({ endpoint }) => preference.zone !== '' && endpoint.tags[ZONE_TAG] === preference.zone);
  return fasterOfTwo(near.length > 0 ? near : usable, preference.random);
}

function fasterOfTwo<C extends Candidate>(candidates: readonly C[], random: () => number): C | undefined {
  const first = draw(candidates, random);
  const second = draw(
    candidates.filter((candidate) => candidate !== first),
    random,
  );
  if (first === undefined || second === undefined) return first;
  return costOf(second) < costOf(first) ? second : first;
}

/** One that nobody has measured yet costs nothing, so that it is measured. */
function costOf({ latencyMs, inFlight, endpoint }: Candidate): number {
  return (latencyMs ?? endpoint.latency_ms) * (inFlight + 1);
}

function draw<C extends Candidate>(candidates: readonly C[], random: () => number): C | undefined {
  const total = candidates.reduce((sum, { endpoint }) => sum + weightOf(endpoint), 0);
  let left = random() * total;
  for (const candidate of candidates) {
    left -= weightOf(candidate.endpoint);
    if (left < 0) return candidate;
  }
  return candidates.at(-1);
}

function weightOf({ weight }: Pick<Endpoint, 'weight'>): number {
  return weight || 100;
}
