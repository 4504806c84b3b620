import { expect, test } from 'vitest';
import { holderOf } from './claim.ts';

const claimant = (name: string, creationTimestamp: string, uid: string) => ({
  apiVersion: 'mcp2.dev/v1alpha1',
  kind: 'Mcp2Server',
  metadata: { name, namespace: 'shop', uid, creationTimestamp },
});

test('the oldest resource holds a name, whatever the order they are listed in', () => {
  const old = claimant('old', '2026-01-01T00:00:00Z', 'z');
  const young = claimant('young', '2026-01-01T00:00:01Z', 'a');
  expect(holderOf([young, old])).toBe(old);
  expect(holderOf([old, young])).toBe(old);
});

test('of two made in one second the smaller uid holds it', () => {
  const a = claimant('one', '2026-01-01T00:00:00Z', 'a');
  const b = claimant('two', '2026-01-01T00:00:00Z', 'b');
  expect(holderOf([b, a])).toBe(a);
});

test('nobody holds a name that nobody asks for', () => {
  expect(holderOf([])).toBeUndefined();
});
