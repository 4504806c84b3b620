import { expect, test } from 'vitest';
import { hasReason, type Reason } from '#lib/errors.ts';
import { authorizeRegistration, type Registration } from './authorize-registration.ts';
import type { RootClaims } from './claims.ts';
import { toVerifiedToken } from './verified-token.ts';

const SEED = { sub: 'InventoryDB_Primary', aud: ['RegistryServer'], capabilities: ['registry:register'] };

test.each<[string, Partial<RootClaims>, Partial<Registration>]>([
  ['the proposal registers itself', SEED, {}],
  ['it declares wildcards below two literal segments', SEED, { capabilities: ['event:publish:inventory:*'] }],
  ['it declares nothing', SEED, { capabilities: [] }],
  [
    'a name prefix and the right to provide',
    { ...SEED, sub: 'ops', capabilities: ['registry:register:InventoryDB_*', 'registry:provide:db:inventory:*'] },
    {},
  ],
  [
    'in profile strict the right to provide is spelt out',
    { ...SEED, capabilities: ['registry:register', 'registry:provide:db:inventory:read'] },
    { profile: 'strict' },
  ],
  [
    'a grant for the name and for each capability',
    {
      ...SEED,
      grants: [{ method: 'Discovery.Register', resource: ['InventoryDB_Primary', 'db:inventory:*'] }],
    },
    {},
  ],
])('%s', (_title, claims, registration) => {
  expect(() => register(claims, registration)).not.toThrow();
});

test.each<[string, Reason, Partial<RootClaims>, Partial<Registration>]>([
  ['a token for another server', 'AUDIENCE_MISMATCH', { ...SEED, aud: ['InventoryDB_Primary'] }, {}],
  ['another name than its own', 'CAPABILITY_DENIED', SEED, { serverName: 'InventoryDB_Evil' }],
  ['its own name in other letters', 'CAPABILITY_DENIED', SEED, { serverName: 'inventorydb_primary' }],
  ['a declared *', 'CAPABILITY_DENIED', SEED, { capabilities: ['*'] }],
  ['a declared db:*', 'CAPABILITY_DENIED', SEED, { capabilities: ['db:inventory:read', 'db:*'] }],
  ['no right to register', 'CAPABILITY_DENIED', { ...SEED, capabilities: ['registry:lookup'] }, {}],
  ['a name outside its prefix', 'CAPABILITY_DENIED', { ...SEED, capabilities: ['registry:register:Inv_*'] }, {}],
  [
    'a prefix without the right to provide',
    'CAPABILITY_DENIED',
    { ...SEED, capabilities: ['registry:register:InventoryDB_*'] },
    {},
  ],
  [
    'the bare right for the capabilities of another name',
    'CAPABILITY_DENIED',
    { ...SEED, capabilities: ['registry:register', 'registry:register:Other'] },
    { serverName: 'Other' },
  ],
  ['the bare right in profile strict', 'CAPABILITY_DENIED', SEED, { profile: 'strict' }],
  [
    'a grant for the name alone',
    'CAPABILITY_DENIED',
    { ...SEED, grants: [{ method: 'Discovery.Register', resource: ['InventoryDB_Primary'] }] },
    {},
  ],
  [
    'a name of the control plane',
    'NAME_RESERVED',
    { ...SEED, capabilities: ['registry:*'] },
    { serverName: 'registryserver' },
  ],
  ['a name outside the grammar', 'NAME_INVALID', { ...SEED, capabilities: ['registry:*'] }, { serverName: 'Inv_*' }],
  ['a capability outside the grammar', 'NAME_INVALID', SEED, { capabilities: ['db:inv*'] }],
])('%s is refused (S5)', (_title, reason, claims, registration) => {
  expect(() => register(claims, registration)).toThrow(expect.toSatisfy((error: unknown) => hasReason(error, reason)));
});

function register(claims: Partial<RootClaims>, registration: Partial<Registration>) {
  const rest = { nbf: undefined, tid: undefined, txn: undefined, capabilities: undefined, grants: undefined };
  const token = toVerifiedToken({ iss: 'i', sub: 'Me', aud: [], exp: 2, iat: 1, jti: 'j', ...rest, ...claims });
  return authorizeRegistration(token, {
    registryName: 'RegistryServer',
    serverName: 'InventoryDB_Primary',
    capabilities: ['db:inventory:read'],
    profile: 'bearer',
    ...registration,
  });
}
