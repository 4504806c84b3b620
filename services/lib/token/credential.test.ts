import { expect, test } from 'vitest';
import { hasReason, type Reason } from '#lib/errors.ts';
import { carriesCredential, chooseCredential } from './credential.ts';

type Metadata = Record<string, (string | Uint8Array)[]>;

test.each<[string, string | undefined, Metadata]>([
  ['the field', 'T', {}],
  ['authorization', undefined, { authorization: ['Bearer T'] }],
  ['authorization in other letters', '', { authorization: ['bEARER  T '] }],
  ['capability_token', '', { capability_token: ['T'] }],
  ['registration_token', '', { registration_token: ['T'] }],
  ['the same token everywhere', 'T', { authorization: ['Bearer T', 'Bearer T'], capability_token: ['T'] }],
  ['the field beside an authorization of another scheme', 'T', { authorization: ['Basic dXNlcg=='] }],
])('the token is taken from %s', (_title, field, metadata) => {
  expect(choose(field, metadata)).toBe('T');
});

test.each<[string, Reason, string | undefined, Metadata]>([
  ['nothing', 'CREDENTIAL_MISSING', undefined, {}],
  ['empty places', 'CREDENTIAL_MISSING', '', { authorization: [''], capability_token: [''] }],
  ['an empty Bearer', 'CREDENTIAL_MISSING', '', { authorization: ['Bearer '] }],
  ['another scheme', 'CREDENTIAL_MISSING', '', { authorization: ['Basic dXNlcg=='] }],
  ['a binary value', 'CREDENTIAL_MISSING', '', { capability_token: [Buffer.from('T')] }],
  ['two fields that differ', 'CREDENTIAL_CONFLICT', 'T', { authorization: ['Bearer U'] }],
  ['two keys that differ', 'CREDENTIAL_CONFLICT', '', { capability_token: ['T'], registration_token: ['U'] }],
  ['two values of one key', 'CREDENTIAL_CONFLICT', '', { capability_token: ['T', 'U'] }],
  ['a joined header', 'CREDENTIAL_CONFLICT', 'T', { authorization: ['Bearer T, Bearer T'] }],
])('%s is %s', (_title, reason, field, metadata) => {
  expect(() => choose(field, metadata)).toThrow(expect.toSatisfy((error: unknown) => hasReason(error, reason)));
});

test('a delegation proof is refused, beside a good token too', () => {
  const attempt = () => chooseCredential({ field: 'T', proof: 'link', metadata: () => [] });
  expect(attempt).toThrow(expect.toSatisfy((error: unknown) => hasReason(error, 'PROOF_UNSUPPORTED')));
  expect(chooseCredential({ field: 'T', proof: '', metadata: () => [] })).toBe('T');
});

test.each<[string, boolean, Metadata]>([
  ['nothing', false, {}],
  ['other keys', false, { 'user-agent': ['grpc'], 'mcp2-poi': ['T'] }],
  ['authorization', true, { authorization: ['Bearer T'] }],
  ['authorization of another scheme', true, { authorization: ['Basic dXNlcg=='] }],
  ['capability_token', true, { capability_token: ['T'] }],
  ['an empty registration_token', true, { registration_token: [''] }],
])('metadata with %s carries a credential: %s', (_title, expected, metadata) => {
  expect(carriesCredential(metadata)).toBe(expected);
});

function choose(field: string | undefined, metadata: Metadata): string {
  return chooseCredential({ field, metadata: (key) => metadata[key] ?? [] });
}
