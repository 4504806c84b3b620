import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DelayHeap } from './delay-heap.ts';

type Step =
  | { readonly kind: 'add'; readonly key: string; readonly dueMs: number; readonly priority: number }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'take'; readonly nowMs: number };

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const ms = fc.integer({ min: 0, max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key, dueMs: ms, priority: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constant('take' as const), nowMs: ms }),
);

test('it does what a sorted list does, whatever is added, deleted and taken', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new DelayHeap();
      const model = new Map<string, { dueMs: number; priority: number }>();
      for (const one of steps) apply(heap, model, one);
      expect(heap.size).toBe(model.size);
      const due = [...model.values()].map(({ dueMs }) => dueMs);
      expect(heap.nextDueMs).toBe(due.length === 0 ? undefined : Math.min(...due));
    }),
  );
});

test('keys that are added and deleted for ever leave nothing behind', () => {
  const heap = new DelayHeap();
  heap.add({ key: 'first', dueMs: 0, priority: 0 });
  for (let i = 0; i < 10_000; i += 1) {
    heap.add({ key: `a/${i}`, dueMs: 1000 + i, priority: 0 });
    heap.delete(`a/${i}`);
  }
  expect(heap.size).toBe(1);
  expect(heap.takeDue(0)?.key).toBe('first');
  expect(heap.takeDue(1_000_000)).toBeUndefined();
});

function apply(heap: DelayHeap, model: Map<string, { dueMs: number; priority: number }>, one: Step): void {
  if (one.kind === 'delete') {
    heap.delete(one.key);
    model.delete(one.key);
  } else if (one.kind === 'add') {
    heap.add(one);
    const known = model.get(one.key);
    model.set(one.key, {
      dueMs: Math.min(one.dueMs, known?.dueMs ?? one.dueMs),
      priority: Math.max(one.priority, known?.priority ?? one.priority),
    });
  } else {
    const taken = heap.takeDue(one.nowMs);
    const first = Math.min(...[...model.values()].map(({ dueMs }) => dueMs));
    if (taken === undefined) {
      expect(first).toBeGreaterThan(one.nowMs);
      return;
    }
    expect(taken.dueMs).toBe(first);
    expect(model.get(taken.key)).toEqual({ dueMs: taken.dueMs, priority: taken.priority });
    model.delete(taken.key);
  }
}
