import { expect, test } from 'vitest';
import type { Candidate } from './endpoints.ts';
import { ReadySince } from './ready-since.ts';

test('what is ready at the first look has only just become so', () => {
  const since = look(new ReadySince(), ['a'], 1_000);
  expect(since.readyForMs('k', 'a', 3_000)).toBe(2_000);
});

test('who joins later, or comes back, starts anew', () => {
  const since = look(look(look(new ReadySince(), ['a'], 1_000), [], 2_000), ['a', 'b'], 3_000);
  expect([since.readyForMs('k', 'a', 4_000), since.readyForMs('k', 'b', 4_000)]).toEqual([1_000, 1_000]);
});

test('what a server that is registered has ready when a process takes over counts at once; who joins later does not', () => {
  const since = look(new ReadySince(), ['a'], 1_000, true);
  look(since, ['a', 'b'], 2_000, true);
  expect(since.readyForMs('k', 'a', 2_000)).toBe(Number.POSITIVE_INFINITY);
  expect(since.readyForMs('k', 'b', 2_500)).toBe(500);
});

test('an endpoint that nobody saw is ready for no time', () => {
  expect(new ReadySince().readyForMs('k', 'a', 1_000)).toBe(0);
});

function look(since: ReadySince, instanceIds: readonly string[], nowMs: number, isRegistered = false): ReadySince {
  const candidates = instanceIds.map((instanceId) => ({ instanceId, state: 'ready' }) as Candidate);
  since.update('k', candidates, { nowMs, isRegistered });
  return since;
}
