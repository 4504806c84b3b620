import { expect, test } from 'vitest';
import { mintedTokens } from './minted-tokens.ts';

function setUp() {
  let nowMs = 1_000_000;
  let count = 0;
  let failures = 0;
  const take = mintedTokens({
    clock: { nowMs: () => nowMs },
    ttlSeconds: 900,
    mint: async () => {
      if (failures-- > 0) throw new Error('no key');
      count += 1;
      return `token ${count}`;
    },
  });
  return { take, pass: (ms: number) => (nowMs += ms), failNext: () => (failures = 1) };
}

test('a token serves for half of its life, then there is a fresh one', async () => {
  const { take, pass } = setUp();
  expect(await Promise.all([take(), take()])).toEqual(['token 1', 'token 1']);
  pass(449_999);
  expect(await take()).toBe('token 1');
  pass(1);
  expect(await take()).toBe('token 2');
});

test('a clock that was set back means a fresh token', async () => {
  const { take, pass } = setUp();
  await take();
  pass(-1);
  expect(await take()).toBe('token 2');
});

test('a mint that failed is asked again', async () => {
  const { take, failNext } = setUp();
  failNext();
  await expect(take()).rejects.toThrow('no key');
  expect(await take()).toBe('token 1');
});
