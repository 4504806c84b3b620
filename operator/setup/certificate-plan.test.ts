import { expect, test } from 'vitest';
import { type FoundCertificate, planCertificate, type WantedCertificate } from './certificate-plan.ts';
import type { CertificateFacts } from './read-certificate.ts';

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 24 * 3_600_000;
const BUNDLE = 'bundle';

const wanted: WantedCertificate = {
  secret: 'mcp2-registry-tls',
  commonName: 'mcp2-registry',
  names: ['DNS:mcp2-registry', 'DNS:localhost'],
  purposes: ['server'],
  durationMs: 90 * DAY_MS,
};
const good: CertificateFacts = {
  commonName: 'mcp2-registry',
  names: ['DNS:localhost', 'DNS:mcp2-registry'],
  purposes: ['server'],
  notBeforeMs: NOW_MS - DAY_MS,
  notAfterMs: NOW_MS + 31 * DAY_MS,
  signedBy: 'AA',
};
const policy = { nowMs: NOW_MS, renewBeforeMs: 30 * DAY_MS, force: false, bundle: BUNDLE };

test.each<[string, FoundCertificate | undefined, string]>([
  ['no Secret', undefined, 'missing'],
  ['garbage', { facts: undefined, bundle: BUNDLE }, 'unreadable, or with the key of another one'],
  ['another authority', facts({ signedBy: undefined }), 'signed by no authority of ours'],
  ['another common name', facts({ commonName: 'root' }), 'the common name changed'],
  ['no common name', facts({ commonName: undefined }), 'the common name changed'],
  ['a name less', facts({ names: ['DNS:localhost'] }), 'the names changed'],
  ['a name more', facts({ names: [...good.names, 'DNS:example.org'] }), 'the names changed'],
  ['another purpose', facts({ purposes: ['client', 'server'] }), 'the purposes changed'],
  ['a beginning in the future', facts({ notBeforeMs: NOW_MS + 1 }), 'not yet valid'],
  ['an end in the past', facts({ notAfterMs: NOW_MS }), 'expired'],
  ['an end in 29 days', facts({ notAfterMs: NOW_MS + 29 * DAY_MS }), 'expires soon'],
])('%s: issued anew', (_title, found, why) => {
  expect(planCertificate(wanted, found, policy)).toEqual({ kind: 'issue', why });
});

test('a good certificate is kept, in whatever order its names are', () => {
  expect(planCertificate(wanted, facts({}), policy)).toEqual({ kind: 'keep' });
});

test('a good certificate beside another bundle keeps its key and gets the new bundle', () => {
  expect(planCertificate(wanted, { facts: good, bundle: 'old' }, policy).kind).toBe('refresh');
  expect(planCertificate(wanted, { facts: good, bundle: undefined }, policy).kind).toBe('refresh');
});

test('a good certificate is issued anew when that is asked for', () => {
  expect(planCertificate(wanted, facts({}), { ...policy, force: true })).toEqual({ kind: 'issue', why: 'asked for' });
});

function facts(changes: Partial<CertificateFacts>): FoundCertificate {
  return { facts: { ...good, ...changes }, bundle: BUNDLE };
}
