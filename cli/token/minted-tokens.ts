/** A TokenSource whose tokens are made in this process: one for half of its life, then a fresh one. */
import type { Clock } from '#lib/clock.ts';
import type { TokenSource } from '#sdk/client/index.ts';

export interface MintedTokensOptions {
  readonly mint: () => Promise<string>;
  /** Of what `mint` makes. */
  readonly ttlSeconds: number;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** @returns a source that asks for one token at a time, however many calls wait for it */
export function mintedTokens({ mint, ttlSeconds, clock }: MintedTokensOptions): TokenSource {
  const freshMs = (ttlSeconds * 1000) / 2;
  let current: Promise<string> | undefined;
  let mintedMs = 0;
  return () => {
    const nowMs = clock.nowMs();
    // A clock that was set back would keep a token for longer than it is valid by the new time.
    const isFresh = nowMs >= mintedMs && nowMs < mintedMs + freshMs;
    if (current !== undefined && isFresh) return current;
    mintedMs = nowMs;
    const minting = mint();
    current = minting;
    minting.catch(() => {
      if (current === minting) current = undefined;
    });
    return minting;
  };
}
