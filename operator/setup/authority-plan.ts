/**
 * When an authority is made, announced and taken into use: pure.
 *
 * A new authority is first published beside the old one, and signs only after everybody has had time to read the new
 * bundle: a certificate is never signed by an authority that somebody does not know yet. Between announcement and use lie
 * 30 days, because etcd reads its trusted authorities only when it starts. The old one stays in the bundle until it
 * expires, so that what it signed stays good.
 */

export interface AuthorityState {
  readonly nowMs: number;
  /** Everything in the bundle. */
  readonly bundle: readonly Validity[];
  /** Whose key signs. */
  readonly signing: Validity;
  /** Announced, signs later. */
  readonly next: Validity | undefined;
}

export interface Validity {
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type AuthorityPlan =
  | { readonly kind: 'keep' }
  /** Expired certificates leave the bundle. */
  | { readonly kind: 'prune'; readonly why: string }
  /** A new one into the bundle; the old one goes on signing. */
  | { readonly kind: 'announce'; readonly why: string }
  /** The announced one signs from now on. */
  | { readonly kind: 'promote'; readonly why: string }
  /** Too late for an overlap: a new one signs at once. */
  | { readonly kind: 'replace'; readonly why: string };

const DAY_MS = 24 * 3_600_000;
export const AUTHORITY_RENEW_BEFORE_MS = 365 * DAY_MS;
export const AUTHORITY_OVERLAP_MS = 30 * DAY_MS;

export function planAuthority({ nowMs, bundle, signing, next }: AuthorityState): AuthorityPlan {
  const isGood = ({ notAfterMs }: Validity) => notAfterMs > nowMs;
  if (!isGood(signing)) {
    return next !== undefined && isGood(next)
      ? { kind: 'promote', why: 'the authority has expired' }
      : { kind: 'replace', why: 'the authority has expired' };
  }
  if (next !== undefined && nowMs >= next.notBeforeMs + AUTHORITY_OVERLAP_MS) {
    return { kind: 'promote', why: 'the next authority was announced 30 days ago' };
  }
  if (next === undefined && signing.notAfterMs - nowMs < AUTHORITY_RENEW_BEFORE_MS) {
    return { kind: 'announce', why: 'the authority expires within a year' };
  }
  if (!bundle.every(isGood)) return { kind: 'prune', why: 'an authority in the bundle has expired' };
  return { kind: 'keep' };
}
