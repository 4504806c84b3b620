/**
 * Makes certificates: authorities that sign, and what they sign. EC P-256 with SHA-256 throughout; RFC 5280 profiles.
 *
 * The one importer of @peculiar/x509, which needs a polyfill of Reflect before it. Certificates are read with Node's own
 * parser (read-certificate.ts), so that what is written here is looked at by another implementation than the one that
 * wrote it.
 */
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export interface Issued {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. Secret. */
  readonly key: string;
}

export type Purpose = 'server' | 'client';

export interface CertificateRequest {
  /** Absent = no common name: etcd takes one as the name of a user. */
  readonly commonName: string | undefined;
  /** "DNS:mcp2-registry.mcp2-system.svc" or "IP:127.0.0.1". */
  readonly names: readonly string[];
  readonly purposes: readonly Purpose[];
  readonly durationMs: number;
}

/** Clocks of nodes differ: a certificate that is too young is refused like one that is too old. */
const SKEW_MS = 5 * 60_000;
export const AUTHORITY_DURATION_MS = 3650 * 24 * 3_600_000;
const ORGANIZATION = 'mcp2';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Its common name carries its serial number, so that two authorities in one bundle are told apart by name too. */
export async function issueAuthority(title: string, nowMs: number): Promise<Issued> {
  const keys = await newKeyPair();
  const serialNumber = newSerialNumber();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: nameOf(`${title} ${serialNumber.slice(0, 8)}`),
    notBefore: new Date(nowMs - SKEW_MS),
    notAfter: new Date(nowMs + AUTHORITY_DURATION_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      // No authority below it.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: toPem(certificate), key: await exportKey(keys.privateKey) };
}

/** Valid for the asked time, but never longer than its authority. */
export async function issueCertificate(
  authority: Issued,
  { commonName, names, purposes, durationMs }: CertificateRequest,
  nowMs: number,
): Promise<Issued> {
  const keys = await newKeyPair();
  const issuer = new x509.X509Certificate(authority.certificate);
  const issuerEndsMs = new X509Certificate(authority.certificate).validToDate.getTime();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: nameOf(commonName),
    issuer: issuer.subjectName,
    notBefore: new Date(nowMs - SKEW_MS),
    notAfter: new Date(Math.min(nowMs + durationMs, issuerEndsMs)),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(purposes.map((purpose) => PURPOSES[purpose])),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map(toGeneralName))]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: toPem(certificate), key: await exportKey(keys.privateKey) };
}

const PURPOSES: Readonly<Record<Purpose, string>> = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
};

function nameOf(commonName: string | undefined): x509.JsonName {
  const organization = { O: [ORGANIZATION] };
  return commonName === undefined ? [organization] : [organization, { CN: [commonName] }];
}

function toGeneralName(name: string): x509.JsonGeneralName {
  const [kind, value = ''] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)];
  return kind === 'IP' ? { type: 'ip', value } : { type: 'dns', value };
}

/** RFC 5280 Section 4.1.2.2: positive, at most 20 octets; never zero at the front. */
function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function newKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

function toPem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}
