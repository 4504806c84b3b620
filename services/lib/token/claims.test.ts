import { expect, test } from 'vitest';
import { hasReason } from '#lib/errors.ts';
import { parseRootClaims } from './claims.ts';

const GOOD = {
  iss: 'mcp2:test',
  sub: 'shop.agent',
  aud: ['InventoryDB_*'],
  iat: 1_760_000_000,
  exp: 1_760_003_600,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
  capabilities: ['db:inventory:read'],
};

test('good claims are read, unknown ones ignored', () => {
  const claims = parseRootClaims({ ...GOOD, nbf: 1, tid: 'retail', txn: 't', act: { sub: 'a' }, colour: 'blue' });
  expect(claims).toEqual({ ...GOOD, nbf: 1, tid: 'retail', txn: 't', grants: undefined });
});

test('one audience may be a string, and grants may stand in for capabilities', () => {
  const { capabilities: _, ...rest } = GOOD;
  expect(parseRootClaims({ ...rest, aud: 'A', grants: [null] })).toMatchObject({ aud: ['A'], grants: [null] });
});

test.each([
  ['no exp', { exp: undefined }, /^exp must be a whole number of seconds/],
  ['exp as an ISO date, as the narrative has it (S1)', { exp: '2025-07-01T00:00:00Z' }, /^exp must be/],
  ['exp 1e400', { exp: Number.POSITIVE_INFINITY }, /^exp must be/],
  ['a fractional exp', { exp: 1_760_000_000.5 }, /^exp must be/],
  ['exp beyond safe integers', { exp: 2 ** 53 }, /^exp must be/],
  ['a negative iat', { iat: -1 }, /^iat must be/],
  ['no iat', { iat: undefined }, /^iat must be/],
  ['nbf as text', { nbf: '1' }, /^nbf must be/],
  ['nbf null', { nbf: null }, /^nbf must be/],
  ['exp not after iat', { exp: GOOD.iat }, /^exp must be after iat/],
  ['a life of more than an hour', { exp: GOOD.iat + 3601 }, /at most 3600 s/],
  ['no iss', { iss: undefined }, /no iss/],
  ['iss as a list', { iss: ['mcp2:test'] }, /^iss must be/],
  ['no sub', { sub: undefined }, /^sub must be/],
  ['an empty sub', { sub: '' }, /^sub must be/],
  ['a sub of 129 characters', { sub: 'a'.repeat(129) }, /^sub must be/],
  ['a sub with a line break', { sub: 'a\nb' }, /^sub must be/],
  ['a sub with a character of no width', { sub: 'shop.\u200bagent' }, /^sub must be/],
  ['a sub that turns the line around', { sub: 'shop.\u202etnega' }, /^sub must be/],
  ['a sub with a line separator', { sub: 'a\u2028b' }, /^sub must be/],
  ['no jti', { jti: undefined }, /^jti must be/],
  ['a short jti', { jti: 'A'.repeat(21) }, /^jti must be/],
  ['a numeric jti', { jti: 1e30 }, /^jti must be/],
  ['no aud', { aud: undefined }, /^aud must be/],
  ['an empty aud', { aud: [] }, /^aud must be/],
  ['17 audiences', { aud: Array(17).fill('A') }, /^aud must be/],
  ['an audience that is no text', { aud: ['A', 1] }, /^aud must be/],
  ['neither capabilities nor grants', { capabilities: undefined }, /capabilities or grants/],
  ['capabilities as text', { capabilities: 'db:*' }, /^capabilities must be/],
  ['capabilities null', { capabilities: null }, /^capabilities must be/],
  ['a capability that is no text', { capabilities: [1] }, /^capabilities must be/],
  ['65 capabilities', { capabilities: Array(65).fill('db:a:read') }, /^at most 64/],
  ['grants as an object', { grants: {} }, /^grants must be/],
  ['33 grants', { grants: Array(33).fill({}) }, /^at most 32/],
  ['an illegal tenant', { tid: 'a/b' }, /^tid must be/],
  ['a tenant that is no text', { tid: 1 }, /^tid must be/],
  ['act as text', { act: 'alice' }, /^act must be/],
  ['may_act as a list', { may_act: [] }, /^may_act must be/],
])('%s is TOKEN_MALFORMED', (_title, change, message) => {
  const claims = Object.fromEntries(Object.entries({ ...GOOD, ...change }).filter(([, value]) => value !== undefined));
  expect(() => parseRootClaims(claims)).toThrow(message);
  expect(() => parseRootClaims(claims)).toThrow(expect.toSatisfy((error) => hasReason(error, 'TOKEN_MALFORMED')));
});

test.each([
  ['cnf', { cnf: { jwk: {} } }],
  ['cnf null', { cnf: null }],
  ['dlg', { dlg: { depth: 0 } }],
])('a token with %s is refused, never treated as bearer', (_title, change) => {
  expect(() => parseRootClaims({ ...GOOD, ...change })).toThrow(
    expect.toSatisfy((error) => hasReason(error, 'PROOF_UNSUPPORTED')),
  );
});
