import { expect, test } from 'vitest';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import { EncodedContext } from './context-answer.ts';

/** Keeps what was encoded, so that a test can count and read it. */
function setUp(ttlMs: number | undefined) {
  const encoded: ContextResponse[] = [];
  const encode = (response: ContextResponse) => {
    encoded.push(response);
    return Buffer.from(String(encoded.length));
  };
  const policy = ttlMs === undefined ? undefined : ({ ttlMs, scope: 'Private' } as const);
  return { encoded, answer: new EncodedContext({ content: Buffer.from('x'), contentType: 'a/b' }, policy, encode) };
}

test.each([1, 3, 16, 1_000, 5_000, 86_400_000])(
  'with %i ms to live it is encoded 17 times at most, and never said to live longer than it does',
  (ttlMs) => {
    const { encoded, answer } = setUp(ttlMs);
    for (let i = 0; i <= 1_000; i++) {
      const ageMs = (ttlMs * i) / 1_000;
      answer.replyTo('', ageMs);
      const said = Number(encoded.at(-1)?.cache_ttl_ms);
      expect(said).toBeLessThanOrEqual(ttlMs - ageMs);
      expect(said).toBeGreaterThanOrEqual(0);
    }
    expect(encoded[0]?.cache_ttl_ms).toBe(ttlMs);
    expect(encoded.length).toBeLessThanOrEqual(17);
  },
);

test('without a policy it is encoded once for each form', () => {
  const { encoded, answer } = setUp(undefined);
  for (const etag of ['', answer.etag, 'other', answer.etag]) answer.replyTo(etag, 7);
  expect(encoded.map(({ serialized_value: value, cache_ttl_ms }) => [String(value), cache_ttl_ms])).toEqual([
    ['x', 0],
    ['', 0],
  ]);
});
