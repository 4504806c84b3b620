/** Whose publishes, subscriptions and quotas: one key for issuer and subject, since two issuers may use one subject. */
import { createHash } from 'node:crypto';
import type { VerifiedToken } from '#lib/token/verified-token.ts';

export type CallerKey = string;

export class CallerKeys {
  readonly #known = new WeakMap<VerifiedToken, CallerKey>();

  of(token: VerifiedToken): CallerKey {
    const known = this.#known.get(token);
    if (known !== undefined) return known;
    // JSON, so that no issuer and subject can be joined to the text of another pair.
    const key = createHash('sha256')
      .update(JSON.stringify([token.iss, token.sub]))
      .digest('base64url');
    this.#known.set(token, key);
    return key;
  }
}
