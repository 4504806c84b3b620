/**
 * The order of endpoints within a page: SERVING first, then the caller's zone, its region, the latency that clients
 * observed, and at random by weight among equals.
 *
 * What a server says of its own speed never counts: it could draw traffic to itself. A server that nobody has measured
 * yet ranks beside the best measured one, or it would never get the calls that measure it.
 */
import type { Health } from '#lib/store/servers.ts';

/** The parts of a found endpoint that its place depends on. */
export interface Rankable {
  readonly endpoint: {
    readonly health: Health;
    readonly zone?: string;
    /** 1..10000. */
    readonly weight: number;
  };
  readonly registration: {
    readonly zone: string | undefined;
    readonly region: string | undefined;
    /** 0 (idle) to 1000 (full); a loaded endpoint gets a smaller share. */
    readonly loadPermille: number;
  };
}

export interface RankingOptions<T> {
  /** "" when the caller did not say. */
  readonly clientZone: string;
  /** Median that clients observed; undefined when nobody did. */
  readonly latencyOf: (item: T) => number | undefined;
}

/** What is certain about an item's place; the rest is drawn. */
export interface Ranked<T> {
  readonly item: T;
  /** By health, distance and latency: a whole number, the smallest comes first. */
  readonly tier: number;
  /** How likely it comes first in its tier, in proportion to the others. */
  readonly share: number;
}

const HEALTH_ORDER: Readonly<Record<Health, number>> = { SERVING: 0, UNKNOWN: 1, NOT_SERVING: 2, DRAINING: 3 };
/** Distances 0 to 2; latencies below 2^32 ms fall into 32 buckets. */
const DISTANCES = 3;
const LATENCY_BUCKETS = 32;

/** In the order of `items`. */
export function rank<T extends Rankable>(
  items: readonly T[],
  { clientZone, latencyOf }: RankingOptions<T>,
): Ranked<T>[] {
  const buckets: (number | undefined)[] = [];
  let best = LATENCY_BUCKETS - 1;
  for (const item of items) {
    const bucket = bucketOf(latencyOf(item));
    buckets.push(bucket);
    if (bucket !== undefined && bucket < best) best = bucket;
  }
  return items.map((item, i) => {
    const place = HEALTH_ORDER[item.endpoint.health] * DISTANCES + distanceOf(item, clientZone);
    return { item, tier: place * LATENCY_BUCKETS + (buckets[i] ?? best), share: shareOf(item) };
  });
}

/**
 * A new list, in an order drawn for one request, so that callers spread: by one number an item, its tier plus a lot.
 * Sorted by insertion: up to a page of items that takes less than half of the time of `sort`, and this runs on each call.
 *
 * @param random Uniform in [0, 1).
 */
export function drawOrder<T>(ranked: readonly Ranked<T>[], random: () => number): T[] {
  const order: T[] = [];
  const places: number[] = [];
  for (const { item, tier, share } of ranked) {
    const place = tier + drawLot(share, random);
    let at = order.length;
    for (; at > 0 && (places[at - 1] as number) > place; at -= 1) {
      places[at] = places[at - 1] as number;
      order[at] = order[at - 1] as T;
    }
    places[at] = place;
    order[at] = item;
  }
  return order;
}

/** Powers of two: 0 and 1 ms are one bucket, 2..3 the next, 4..7 the next. Less than a factor of two is noise. */
export function bucketOf(latencyMs: number | undefined): number | undefined {
  if (latencyMs === undefined) return undefined;
  return latencyMs < 2 ? 0 : Math.min(Math.floor(Math.log2(latencyMs)), LATENCY_BUCKETS - 1);
}

/**
 * 0 = same zone, 1 = same region, 2 = elsewhere or unknown. The caller names only its zone; every large cloud spells a
 * zone as its region and a suffix ("eu-central-1a", "europe-west1-b", "westeurope-1").
 */
function distanceOf({ endpoint, registration }: Rankable, clientZone: string): number {
  if (clientZone === '') return 2;
  const { zone, region } = registration;
  if ((endpoint.zone ?? zone) === clientZone) return 0;
  return region !== undefined && region !== '' && clientZone.startsWith(region) ? 1 : 2;
}

function shareOf({ endpoint, registration }: Rankable): number {
  return endpoint.weight * (1 - Math.min(registration.loadPermille, 999) / 1000);
}

/**
 * At least 0, below 1. The smallest comes first, with a probability in proportion to the share (Efraimidis and
 * Spirakis, "Weighted random sampling with a reservoir", 2006: an exponential variate of that rate).
 */
function drawLot(share: number, random: () => number): number {
  const variate = -Math.log(1 - random()) / share;
  return variate / (1 + variate);
}
