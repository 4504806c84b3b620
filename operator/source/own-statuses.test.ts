import { expect, test } from 'vitest';
import type { Condition, Mcp2ServerStatus } from '../server/resource.ts';
import { OwnStatuses } from './own-statuses.ts';

const condition = (type: string, status: Condition['status']): Condition => ({
  type,
  status,
  reason: 'Because',
  message: '',
  lastTransitionTime: '2026-09-24T08:00:00Z',
});
const ready: Mcp2ServerStatus = { observedGeneration: 2, conditions: [condition('Ready', 'True')] };
const waiting: Mcp2ServerStatus = { observedGeneration: 1, conditions: [condition('Ready', 'Unknown')] };
const server = (status?: Mcp2ServerStatus) => ({
  metadata: { name: 'db', namespace: 'shop' },
  ...(status ? { status } : {}),
});

test('what we wrote comes back as our own, in any order of its conditions', () => {
  const own = new OwnStatuses();
  const conditions = [condition('Accepted', 'True'), condition('Ready', 'True')];
  own.wrote(server(waiting), { conditions });
  expect(own.isForeign(server(waiting), server({ conditions: conditions.toReversed() }))).toBe(false);
});

test('an older status that comes back after ours is foreign', () => {
  const own = new OwnStatuses();
  own.wrote(server(), ready);
  expect(own.isForeign(server(), server(ready))).toBe(false);
  expect(own.isForeign(server(ready), server(waiting))).toBe(true);
});

test('a condition of another owner, and a change that leaves the status alone, are nothing to look at', () => {
  const own = new OwnStatuses();
  const more = { ...ready, conditions: [...(ready.conditions ?? []), condition('example.com/Audited', 'True')] };
  expect(own.isForeign(server(ready), server(more))).toBe(false);
  expect(own.isForeign(server(ready), server(ready))).toBe(false);
});
