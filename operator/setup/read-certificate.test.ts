/** What is issued, read back with Node's own parser. */
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { AUTHORITY_DURATION_MS, issueAuthority, issueCertificate } from './issue-certificate.ts';
import { certificateOfKey, readBundle, readCertificate } from './read-certificate.ts';

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 24 * 3_600_000;
const SKEW_MS = 5 * 60_000;
const REQUEST = {
  commonName: 'mcp2-registry',
  names: ['DNS:mcp2-registry', 'DNS:*.peers.ns.svc', 'IP:127.0.0.1', 'IP:::1'],
  purposes: ['server', 'client'],
  durationMs: 90 * DAY_MS,
} as const;

test('a certificate says what was asked for, from five minutes before now', async () => {
  const authority = await issueAuthority('mcp2', NOW_MS);
  const bundle = readBundle(authority.certificate) ?? [];
  const issued = await issueCertificate(authority, REQUEST, NOW_MS);
  expect(readCertificate(issued.certificate, issued.key, bundle)).toEqual({
    commonName: 'mcp2-registry',
    names: ['DNS:*.peers.ns.svc', 'DNS:mcp2-registry', 'IP:0:0:0:0:0:0:0:1', 'IP:127.0.0.1'],
    purposes: ['client', 'server'],
    notBeforeMs: NOW_MS - SKEW_MS,
    notAfterMs: NOW_MS + 90 * DAY_MS,
    signedBy: bundle[0]?.fingerprint,
  });
  const certificate = new X509Certificate(issued.certificate);
  expect(certificate.ca).toBe(false);
  expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
});

test('an authority lives ten years, signs nothing but certificates of services, and has a name of its own', async () => {
  const [first, second] = [await issueAuthority('mcp2', NOW_MS), await issueAuthority('mcp2', NOW_MS)];
  const [a, b] = [new X509Certificate(first.certificate), new X509Certificate(second.certificate)];
  expect(a.ca).toBe(true);
  expect(a.validToDate.getTime()).toBe(NOW_MS + AUTHORITY_DURATION_MS);
  expect(a.subject).not.toBe(b.subject);
  expect(a.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
});

test('a certificate never outlives its authority', async () => {
  const authority = await issueAuthority('mcp2', NOW_MS - AUTHORITY_DURATION_MS + DAY_MS);
  const issued = await issueCertificate(authority, REQUEST, NOW_MS);
  expect(new X509Certificate(issued.certificate).validToDate.getTime()).toBe(NOW_MS + DAY_MS);
});

test('a certificate of another authority is signed by none of ours, a wildcard and no common name can be read', async () => {
  const [ours, other] = [await issueAuthority('mcp2', NOW_MS), await issueAuthority('mcp2', NOW_MS)];
  const issued = await issueCertificate(other, { ...REQUEST, commonName: undefined, names: [] }, NOW_MS);
  const facts = readCertificate(issued.certificate, issued.key, readBundle(ours.certificate) ?? []);
  expect(facts).toMatchObject({ commonName: undefined, names: [], signedBy: undefined });
});

test('a bundle is read whole and the key finds its certificate in it', async () => {
  const [old, young] = [await issueAuthority('mcp2', NOW_MS), await issueAuthority('mcp2', NOW_MS + DAY_MS)];
  const bundle = readBundle(`# old\n${old.certificate}${young.certificate}`) ?? [];
  expect(bundle.map(({ certificate }) => certificate)).toEqual([old.certificate, young.certificate]);
  expect(certificateOfKey(bundle, young.key)?.certificate).toBe(young.certificate);
  expect(certificateOfKey(bundle, (await issueAuthority('mcp2', NOW_MS)).key)).toBeUndefined();
});

test.each([
  ['nothing', ''],
  ['words', 'no certificate'],
  ['a torn one', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
])('%s is no bundle, no certificate and no key', async (_title, text) => {
  const { key } = await issueAuthority('mcp2', NOW_MS);
  expect(readBundle(text)).toBeUndefined();
  expect(readCertificate(text, key, [])).toBeUndefined();
  expect(certificateOfKey([], text)).toBeUndefined();
});

test('a certificate with the key of another one cannot be read, nor is it an authority', async () => {
  const authority = await issueAuthority('mcp2', NOW_MS);
  const issued = await issueCertificate(authority, REQUEST, NOW_MS);
  expect(readCertificate(issued.certificate, authority.key, [])).toBeUndefined();
  expect(readBundle(issued.certificate)).toBeUndefined();
});

test('a bundle of more than 16 is none of ours', async () => {
  const { certificate } = await issueAuthority('mcp2', NOW_MS);
  expect(readBundle(certificate.repeat(16))).toHaveLength(16);
  expect(readBundle(certificate.repeat(17))).toBeUndefined();
});
