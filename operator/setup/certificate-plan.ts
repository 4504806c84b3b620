/** Whether a certificate must be issued anew, and why: pure. */
import type { CertificateRequest } from './issue-certificate.ts';
import type { CertificateFacts } from './read-certificate.ts';

export interface WantedCertificate extends CertificateRequest {
  /** Name of its Secret. */
  readonly secret: string;
}

export interface FoundCertificate {
  /** Undefined when it cannot be read, or its key is another one's. */
  readonly facts: CertificateFacts | undefined;
  /** The `ca.crt` beside it. */
  readonly bundle: string | undefined;
}

export interface CertificatePolicy {
  readonly nowMs: number;
  readonly renewBeforeMs: number;
  /** Issue all anew. */
  readonly force: boolean;
  /** What `ca.crt` must hold. */
  readonly bundle: string;
}

export type CertificatePlan =
  | { readonly kind: 'keep' }
  /** The certificate stays, `ca.crt` beside it changes. */
  | { readonly kind: 'refresh'; readonly why: string }
  | { readonly kind: 'issue'; readonly why: string };

/** @param found Undefined when there is no such Secret. */
export function planCertificate(
  wanted: WantedCertificate,
  found: FoundCertificate | undefined,
  policy: CertificatePolicy,
): CertificatePlan {
  const why = found === undefined ? 'missing' : whyIssue(wanted, found, policy);
  if (why !== undefined) return { kind: 'issue', why };
  return found?.bundle === policy.bundle
    ? { kind: 'keep' }
    : { kind: 'refresh', why: 'the bundle of authorities changed' };
}

function whyIssue(
  wanted: WantedCertificate,
  { facts }: FoundCertificate,
  { nowMs, renewBeforeMs, force }: CertificatePolicy,
): string | undefined {
  if (facts === undefined) return 'unreadable, or with the key of another one';
  if (facts.signedBy === undefined) return 'signed by no authority of ours';
  if (facts.commonName !== wanted.commonName) return 'the common name changed';
  if (!sameMembers(facts.names, wanted.names)) return 'the names changed';
  if (!sameMembers(facts.purposes, wanted.purposes)) return 'the purposes changed';
  if (facts.notBeforeMs > nowMs) return 'not yet valid';
  if (facts.notAfterMs <= nowMs) return 'expired';
  if (facts.notAfterMs - nowMs < renewBeforeMs) return 'expires soon';
  return force ? 'asked for' : undefined;
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return [...a].sort().join() === [...b].sort().join();
}
