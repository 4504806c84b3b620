/**
 * Reads certificates and keys as they are found in Secrets, which anybody may have written: whatever cannot be read is
 * `undefined`, never an exception, and no message shows any of it.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Purpose } from './issue-certificate.ts';

export interface AuthorityCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface CertificateFacts {
  readonly commonName: string | undefined;
  /** "DNS:…" and "IP:…", sorted. */
  readonly names: readonly string[];
  /** Sorted. */
  readonly purposes: readonly Purpose[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Fingerprint of the authority that signed it; undefined when none of those given did. */
  readonly signedBy: string | undefined;
}

/** Far more than any overlap needs; a larger bundle is none of ours. */
const MAX_BUNDLE_CERTIFICATES = 16;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g;

/** @returns undefined for anything but 1 to 16 certificates of authorities. */
export function readBundle(pem: string): readonly AuthorityCertificate[] | undefined {
  const blocks = pem.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0 || blocks.length > MAX_BUNDLE_CERTIFICATES) return undefined;
  const certificates = blocks.map(parse);
  if (!certificates.every((certificate) => certificate?.ca === true)) return undefined;
  return certificates.flatMap((certificate) => (certificate === undefined ? [] : [toAuthority(certificate)]));
}

/** The certificate of the bundle that this key belongs to; the one that lives longest, should there be several. */
export function certificateOfKey(
  bundle: readonly AuthorityCertificate[],
  keyPem: string,
): AuthorityCertificate | undefined {
  const key = parseKey(keyPem);
  if (key === undefined) return undefined;
  const matching = bundle.filter(({ certificate }) => parse(certificate)?.checkPrivateKey(key) === true);
  return matching.sort((a, b) => b.notAfterMs - a.notAfterMs)[0];
}

/** @returns undefined when certificate or key cannot be read, or do not belong together. */
export function readCertificate(
  pem: string,
  keyPem: string,
  authorities: readonly AuthorityCertificate[],
): CertificateFacts | undefined {
  const certificate = parse(pem.match(PEM_BLOCK)?.[0] ?? '');
  const key = parseKey(keyPem);
  if (certificate === undefined || key === undefined || !certificate.checkPrivateKey(key)) return undefined;
  return {
    commonName: /^CN=(.*)$/m.exec(certificate.subject ?? '')?.[1],
    names: namesOf(certificate),
    purposes: purposesOf(certificate),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
    signedBy: authorities.find((authority) => isSignedBy(certificate, authority))?.fingerprint,
  };
}

function isSignedBy(certificate: X509Certificate, { certificate: pem }: AuthorityCertificate): boolean {
  const authority = new X509Certificate(pem);
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function toAuthority(certificate: X509Certificate): AuthorityCertificate {
  return {
    certificate: `${certificate.toString().trim()}\n`,
    fingerprint: certificate.fingerprint256,
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
}

/** Names of ours hold nothing that Node would have to quote (CVE-2021-44532). */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.split(', ').filter((name) => name !== '');
  return names.map((name) => name.replace(/^IP Address:/, 'IP:')).sort();
}

const PURPOSE_OF_OID: Readonly<Record<string, Purpose>> = {
  '1.3.6.1.5.5.7.3.1': 'server',
  '1.3.6.1.5.5.7.3.2': 'client',
};

function purposesOf({ keyUsage }: X509Certificate): Purpose[] {
  // Node calls the extended key usage so; absent, it is undefined whatever the types say.
  return (keyUsage ?? []).flatMap((oid) => PURPOSE_OF_OID[oid] ?? []).sort();
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
