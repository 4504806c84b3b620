import { expect, test } from 'vitest';
import { hasReason } from '#lib/errors.ts';
import { noRevocations, requireFreshRevocations } from './revocations.ts';

test('without a feed nothing is revoked and nothing is stale', () => {
  expect(noRevocations.isRevoked({ iss: 'i', jti: 'j', sub: 's', iat: 0 })).toBe(false);
  expect(() => requireFreshRevocations(noRevocations)).not.toThrow();
});

test('writes wait for a stale feed', () => {
  expect(() => requireFreshRevocations({ ...noRevocations, isStale: () => true })).toThrow(
    expect.toSatisfy((error: unknown) => hasReason(error, 'REVOCATION_STALE')),
  );
});
