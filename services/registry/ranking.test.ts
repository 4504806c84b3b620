import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Health } from '#lib/store/servers.ts';
import { bucketOf, drawOrder, type Rankable, rank } from './ranking.ts';

interface Named extends Rankable {
  readonly name: string;
  readonly latencyMs: number | undefined;
}

interface Changes {
  readonly health?: Health;
  readonly zone?: string;
  readonly region?: string;
  readonly weight?: number;
  readonly loadPermille?: number;
  readonly latencyMs?: number;
}

const endpoint = (name: string, changes: Changes = {}): Named => {
  const { health = 'SERVING', weight = 100, zone, region, loadPermille = 0, latencyMs } = changes;
  return { name, latencyMs, endpoint: { health, weight }, registration: { zone, region, loadPermille } };
};

type Measured = Rankable & { readonly latencyMs: number | undefined };

function draw<T extends Measured>(items: readonly T[], clientZone: string, random: () => number): T[] {
  return drawOrder(rank(items, { clientZone, latencyOf: ({ latencyMs }) => latencyMs }), random);
}

/** Draws that make the first item win every tie, then the second, … */
function inOrder(): () => number {
  let draw = 0;
  return () => {
    draw += 0.001;
    return draw;
  };
}

const order = (items: readonly Named[], clientZone = 'eu-1a') =>
  draw(items, clientZone, inOrder()).map(({ name }) => name);

describe('the order within a page', () => {
  test.each<[string, Named[], string[]]>([
    [
      'same zone before same region before elsewhere',
      [
        endpoint('far', { zone: 'us-1a', region: 'us-1' }),
        endpoint('region', { zone: 'eu-1b', region: 'eu-1' }),
        endpoint('zone', { zone: 'eu-1a', region: 'eu-1' }),
      ],
      ['zone', 'region', 'far'],
    ],
    [
      'zone before latency',
      [endpoint('fast', { zone: 'us-1a', latencyMs: 1 }), endpoint('near', { zone: 'eu-1a', latencyMs: 500 })],
      ['near', 'fast'],
    ],
    [
      'a lower power of two of latency first',
      [endpoint('slow', { latencyMs: 40 }), endpoint('fast', { latencyMs: 3 }), endpoint('middle', { latencyMs: 9 })],
      ['fast', 'middle', 'slow'],
    ],
    [
      'less than a power of two apart is a tie',
      [endpoint('first', { latencyMs: 15 }), endpoint('second', { latencyMs: 8 })],
      ['first', 'second'],
    ],
    [
      'one that nobody measured stands beside the best',
      [endpoint('slow', { latencyMs: 64 }), endpoint('new'), endpoint('fast', { latencyMs: 2 })],
      ['new', 'fast', 'slow'],
    ],
    [
      'SERVING before all others, DRAINING last',
      [
        endpoint('draining', { health: 'DRAINING', zone: 'eu-1a' }),
        endpoint('down', { health: 'NOT_SERVING' }),
        endpoint('unproved', { health: 'UNKNOWN' }),
        endpoint('serving', { zone: 'us-1a' }),
      ],
      ['serving', 'unproved', 'down', 'draining'],
    ],
  ])('%s', (_title, items, expected) => {
    expect(order(items)).toEqual(expected);
  });

  test("the endpoint's own zone counts before that of its tags", () => {
    const tagged = { zone: 'us-1a', region: 'us-1', loadPermille: 0 };
    const own = { ...endpoint('own'), endpoint: { health: 'SERVING', zone: 'eu-1a', weight: 100 } as const };
    expect(order([endpoint('tags', tagged), { ...own, registration: tagged }])).toEqual(['own', 'tags']);
  });

  test('a caller that names no zone is near to nobody', () => {
    expect(order([endpoint('a', { zone: '', region: '' }), endpoint('b')], '')).toEqual(['a', 'b']);
  });

  test('no item is lost or doubled', () => {
    const any = fc.record({
      latencyMs: fc.option(fc.nat(), { nil: undefined }),
      endpoint: fc.record({
        health: fc.constantFrom<Health>('SERVING', 'UNKNOWN', 'NOT_SERVING', 'DRAINING'),
        zone: fc.constantFrom('', 'eu-1a', 'eu-1b'),
        weight: fc.integer({ min: 1, max: 10_000 }),
      }),
      registration: fc.record({
        zone: fc.constantFrom(undefined, 'eu-1a'),
        region: fc.constantFrom(undefined, '', 'eu-1'),
        loadPermille: fc.integer({ min: 0, max: 1000 }),
      }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 30 }), (items) => {
        const ranked = draw(items, 'eu-1a', Math.random);
        expect(ranked).toHaveLength(items.length);
        expect(new Set(ranked)).toEqual(new Set(items));
      }),
    );
  });
});

test('among equals the first place is won in proportion to the weight', () => {
  const seed = mulberry32(42);
  const heavy = endpoint('heavy', { weight: 300 });
  const light = endpoint('light', { weight: 100 });
  let wins = 0;
  for (let i = 0; i < 10_000; i += 1) {
    if (draw([light, heavy], '', seed)[0] === heavy) wins += 1;
  }
  expect(wins / 10_000).toBeCloseTo(0.75, 1);
});

test('a loaded endpoint wins less often than an idle one of the same weight', () => {
  const seed = mulberry32(7);
  const idle = endpoint('idle');
  const busy = endpoint('busy', { loadPermille: 900 });
  let wins = 0;
  for (let i = 0; i < 10_000; i += 1) {
    if (draw([busy, idle], '', seed)[0] === busy) wins += 1;
  }
  expect(wins / 10_000).toBeCloseTo(0.1 / 1.1, 1);
});

test('latency buckets are powers of two', () => {
  expect([0, 1, 2, 3, 4, 7, 8, 1023, 1024].map(bucketOf)).toEqual([0, 0, 1, 1, 2, 2, 3, 9, 10]);
  expect(bucketOf(undefined)).toBeUndefined();
});

/** A small seeded generator, so that the shares are the same in every run. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
