import { expect, test } from 'vitest';
import { ZONE_TAG } from '#lib/well-known.ts';
import { type Candidate, chooseEndpoint } from './endpoint-choice.ts';

interface Named extends Candidate {
  readonly name: string;
}

function candidate(name: string, changes: Partial<Candidate> & { zone?: string; weight?: number } = {}): Named {
  const { zone = '', weight = 100, ...rest } = changes;
  const endpoint = { tags: { [ZONE_TAG]: zone }, weight, latency_ms: 0 };
  return { name, endpoint, latencyMs: 10, inFlight: 0, isCallable: true, ...rest };
}

/** Names that are chosen, over the whole range of chance. */
function chosen(candidates: readonly Named[], zone = ''): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let first = 0; first < 1; first += 0.05) {
    for (let second = 0; second < 1; second += 0.05) {
      const draws = [first, second];
      const found = chooseEndpoint(candidates, { zone, random: () => draws.shift() ?? 0 });
      if (found !== undefined) counts[found.name] = (counts[found.name] ?? 0) + 1;
    }
  }
  return counts;
}

test('nobody is chosen from nobody', () => {
  expect(chooseEndpoint([], { zone: '', random: () => 0 })).toBeUndefined();
});

test('of two the faster one is taken, and the one where less waits', () => {
  expect(Object.keys(chosen([candidate('slow', { latencyMs: 20 }), candidate('fast')]))).toEqual(['fast']);
  expect(Object.keys(chosen([candidate('busy', { inFlight: 3 }), candidate('idle', { latencyMs: 20 })]))).toEqual([
    'idle',
  ]);
});

test('one that nobody has measured is measured', () => {
  expect(Object.keys(chosen([candidate('known'), candidate('new', { latencyMs: undefined })]))).toEqual(['new']);
});

test('the slowest of three is never taken, the others both are', () => {
  const names = chosen([
    candidate('slow', { latencyMs: 99 }),
    candidate('a', { latencyMs: 1 }),
    candidate('b', { latencyMs: 2 }),
  ]);
  expect(Object.keys(names).sort()).toEqual(['a', 'b']);
});

test('the same zone comes first, however slow; another zone is better than none', () => {
  const far = candidate('far', { zone: 'b', latencyMs: 1 });
  expect(Object.keys(chosen([far, candidate('near', { zone: 'a' })], 'a'))).toEqual(['near']);
  expect(Object.keys(chosen([far], 'a'))).toEqual(['far']);
});

test('who is left alone by its breaker comes last, and still before nobody', () => {
  const open = candidate('open', { isCallable: false, zone: 'a', latencyMs: 1 });
  expect(Object.keys(chosen([open, candidate('closed')], 'a'))).toEqual(['closed']);
  expect(Object.keys(chosen([open]))).toEqual(['open']);
});

test('weight decides how often one is drawn', () => {
  const counts = chosen([
    candidate('heavy', { weight: 900 }),
    candidate('light', { weight: 100 }),
    candidate('other', { weight: 100 }),
  ]);
  expect(counts.heavy ?? 0).toBeGreaterThan(2 * (counts.light ?? 0));
});
