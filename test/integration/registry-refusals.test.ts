/** Every malformed request gets its documented status and reason, and changes nothing in the store. */
import { status } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Reason } from '#lib/errors.ts';
import { statusCodeOf } from '#lib/grpc/status.ts';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import type { HeartbeatRequest } from '#protos/generated/mcp2/HeartbeatRequest.ts';
import type { LookupRequest } from '#protos/generated/mcp2/LookupRequest.ts';
import type { RegisterRequest } from '#protos/generated/mcp2/RegisterRequest.ts';
import { type OnStore, useRegistries } from '../harness/registry-calls.ts';
import { EVERY_RIGHT, ISSUER, refusalOf, STORE_KINDS, type TestStore } from '../harness/registry-fixture.ts';

type Kind = TestStore['kind'];

const on = useRegistries({ MCP2_REGISTRY_ALLOW_LOOPBACK: 'false' });
/** On each store: Db_Held, which shop.db registered, and the store's revision after it. */
const held = new Map<
  Kind,
  { readonly server_name: string; readonly instance_id: string; readonly lease_token: Buffer }
>();
const revisions = new Map<Kind, number>();

beforeAll(async () => {
  for (const kind of STORE_KINDS) {
    const { instance_id, lease_token } = await on(kind).register({ server_name: 'Db_Held' });
    held.set(kind, { server_name: 'Db_Held', instance_id, lease_token });
    revisions.set(kind, await storeRevision(on(kind)));
  }
});

const many = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i));
const object = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, 'x']));
const deregister = (kind: Kind, request: object) => on(kind).deregister({ ...held.get(kind), ...request });
const beat = (kind: Kind, request: HeartbeatRequest) => on(kind).beat({ ...held.get(kind), ...request });
const register = (kind: Kind, request: RegisterRequest) => on(kind).register({ server_name: 'Db_New', ...request });

async function storeRevision({ store }: OnStore): Promise<number> {
  return (await store.store.get('/mcp2/v1/servers/db_held')).revision;
}

async function expectRefusal(kind: Kind, call: Promise<unknown>, reason: Reason): Promise<void> {
  const { reason: actual, code, message } = await refusalOf(call);
  expect({ reason: actual, code }).toEqual({ reason, code: statusCodeOf(reason) });
  expect(message).not.toContain('eyJ');
  expect(await storeRevision(on(kind))).toBe(revisions.get(kind));
}

/** One token in a call of each method. */
function everyMethod(kind: Kind, token: string): readonly (() => Promise<unknown>)[] {
  return [
    () => register(kind, { registration_token: token }),
    () => on(kind).lookup({ requester_token: token }),
    () => deregister(kind, { registration_token: token }),
    () => beat(kind, { registration_token: token }),
  ];
}

const TOKENS: readonly [string, (good: string) => string, Reason][] = [
  ['none', () => '', 'CREDENTIAL_MISSING'],
  ['no JWT', () => 'not-a-token', 'TOKEN_MALFORMED'],
  ['a token of 5 KiB', (good) => `${good}${'a'.repeat(5_000)}`, 'TOKEN_MALFORMED'],
  ['padded base64', (good) => `${good}==`, 'TOKEN_MALFORMED'],
  ['a space inside', (good) => good.replace('.', ' .'), 'TOKEN_MALFORMED'],
  ['another signature', (good) => `${good.slice(0, -8)}AAAAAAAA`, 'TOKEN_UNTRUSTED'],
  ['alg none', (good) => `${encode({ alg: 'none', typ: 'mcp2-cap+jwt' })}.${good.split('.')[1]}.`, 'TOKEN_MALFORMED'],
];

const REGISTRATIONS: readonly [string, RegisterRequest, Reason][] = [
  ['an empty name', { server_name: '' }, 'NAME_INVALID'],
  ['a name with a wildcard', { server_name: 'Db_*' }, 'NAME_INVALID'],
  ['a name with a slash', { server_name: 'Db_/../x' }, 'NAME_INVALID'],
  ['a name that begins with a digit', { server_name: '1Db' }, 'NAME_INVALID'],
  ['a name of 64 characters', { server_name: `D${'b'.repeat(63)}` }, 'NAME_INVALID'],
  ['a name of the control plane', { server_name: 'registryserver' }, 'NAME_RESERVED'],
  ['a capability with an empty segment', { capabilities: ['db::read'] }, 'NAME_INVALID'],
  ['a capability with a wildcard inside a segment', { capabilities: ['db:inv*'] }, 'NAME_INVALID'],
  ['300,000 capabilities', { capabilities: many(300_000, () => '') }, 'LIMIT_EXCEEDED'],
  ['65 capabilities', { capabilities: many(65, (i) => `db:t${i}:read`) }, 'LIMIT_EXCEEDED'],
  ['no endpoint', { grpc_url: '' }, 'ENDPOINT_INVALID'],
  ['an endpoint without a port', { grpc_url: 'inventory' }, 'ENDPOINT_INVALID'],
  ['an endpoint with a scheme', { grpc_url: 'http://inventory:1' }, 'ENDPOINT_INVALID'],
  ['a unix socket', { grpc_url: 'unix:/run/docker.sock' }, 'ENDPOINT_REFUSED'],
  ['user information', { grpc_url: 'user:password@inventory:1' }, 'ENDPOINT_REFUSED'],
  ['the metadata service', { grpc_url: '169.254.169.254:80' }, 'ENDPOINT_REFUSED'],
  ['the metadata service as IPv6', { grpc_url: '[::ffff:a9fe:a9fe]:80' }, 'ENDPOINT_REFUSED'],
  ['loopback', { grpc_url: 'localhost:80' }, 'ENDPOINT_REFUSED'],
  ['a tag key in capitals', { tags: { Tier: 'gold' } }, 'TAG_INVALID'],
  ['a tag key named __proto__', { tags: JSON.parse('{"__proto__": "x"}') }, 'TAG_INVALID'],
  ['a tag value with a line break', { tags: { tier: 'gold\n' } }, 'TAG_INVALID'],
  ['a tag value of 129 characters', { tags: { tier: 'x'.repeat(129) } }, 'TAG_INVALID'],
  ['33 tags', { tags: object(many(33, (i) => `t${i}`)) }, 'TAG_INVALID'],
  ['a TTL of 9 s', { ttl_seconds: 9 }, 'ARGUMENT_INVALID'],
  ['a TTL of 301 s', { ttl_seconds: 301 }, 'ARGUMENT_INVALID'],
  ['a weight of 10001', { weight: 10_001 }, 'ARGUMENT_INVALID'],
  ['a version that is none', { version: 'latest' }, 'ARGUMENT_INVALID'],
  ['a version of 65 characters', { version: `1.0.0-${'a'.repeat(59)}` }, 'ARGUMENT_INVALID'],
  ['a card', { card: { card_json: Buffer.from('{}') } }, 'ARGUMENT_INVALID'],
  ['a card signature', { card: { jws: 'a.b.c' } }, 'ARGUMENT_INVALID'],
  ['a viewer with a wildcard', { acl: { visible_to: ['*'] } }, 'ARGUMENT_INVALID'],
  ['an empty viewer', { acl: { visible_to: [''] } }, 'ARGUMENT_INVALID'],
  ['257 viewers', { acl: { visible_to: many(257, (i) => `shop.a${i}`) } }, 'LIMIT_EXCEEDED'],
  ['a required capability that is none', { acl: { required_capabilities: ['db:'] } }, 'ARGUMENT_INVALID'],
  ['an unknown instance', { instance_id: 'a'.repeat(26) }, 'INSTANCE_UNKNOWN'],
  ['an instance that is a path', { instance_id: '../../servers/db_held' }, 'INSTANCE_UNKNOWN'],
];

const LOOKUPS: readonly [string, LookupRequest, Reason][] = [
  ['an empty filter entry', { capability_filter: [''] }, 'FILTER_INVALID'],
  ['an empty segment', { capability_filter: ['db:'] }, 'FILTER_INVALID'],
  ['a wildcard inside a segment', { capability_filter: ['db:inv*'] }, 'FILTER_INVALID'],
  ['a reserved character', { capability_filter: ['db:{a,b}'] }, 'FILTER_INVALID'],
  ['a filter that is no ASCII', { capability_filter: ['db:ﬁ'] }, 'FILTER_INVALID'],
  ['17 segments', { capability_filter: [many(17, () => 'a').join(':')] }, 'FILTER_INVALID'],
  ['a good filter beside a bad one', { capability_filter: ['db:inventory:read', 'db:*x'] }, 'FILTER_INVALID'],
  ['9 filters with wildcards', { capability_filter: many(9, (i) => `db:t${i}:*`) }, 'FILTER_INVALID'],
  ['65 filters', { capability_filter: many(65, () => 'db:inventory:read') }, 'FILTER_INVALID'],
  ['a tag key in capitals', { tag_selector: { Tier: 'gold' } }, 'TAG_INVALID'],
  ['33 tags', { tag_selector: object(many(33, (i) => `t${i}`)) }, 'TAG_INVALID'],
  ['a name with a wildcard', { server_name: 'Db_*' }, 'NAME_INVALID'],
  ['a page token of nobody', { page_token: 'garbage' }, 'PAGE_TOKEN_INVALID'],
  ['a page token that is no base64', { page_token: '💥' }, 'PAGE_TOKEN_INVALID'],
  ['a range that is none', { version_constraint: 'newest' }, 'ARGUMENT_INVALID'],
  ['a range of 65 characters', { version_constraint: `>=1.0.0-${'a'.repeat(57)}` }, 'ARGUMENT_INVALID'],
  ['an unknown mode', { mode: 7 as never }, 'ARGUMENT_INVALID'],
  ['a zone with a line break', { client_zone: 'eu\n' }, 'ARGUMENT_INVALID'],
  ['a revision that does not exist yet', { min_revision: 1_000_000 }, 'REVISION_NOT_REACHED'],
];

const LEASES: readonly [string, HeartbeatRequest, Reason][] = [
  ['a malformed name', { server_name: 'Db_*' }, 'NAME_INVALID'],
  ['an unknown instance', { instance_id: 'a'.repeat(26) }, 'INSTANCE_UNKNOWN'],
  ['an instance that is a path', { instance_id: '../x' }, 'INSTANCE_UNKNOWN'],
  ['no lease token', { lease_token: Buffer.alloc(0) }, 'LEASE_NOT_YOURS'],
  ['a wrong lease token', { lease_token: Buffer.alloc(32) }, 'LEASE_NOT_YOURS'],
];

const BEATS: readonly [string, HeartbeatRequest, Reason][] = [
  ['an unknown health', { health: 9 as never }, 'ARGUMENT_INVALID'],
  ['a load of 1001', { load_permille: 1001 }, 'ARGUMENT_INVALID'],
  [
    '257 measurements',
    { observed_latency_ms: Object.fromEntries(many(257, (i) => `Db_${i}`).map((key) => [key, 1])) },
    'LIMIT_EXCEEDED',
  ],
];

describe.each(STORE_KINDS)('tokens on %s', (kind) => {
  test.each(TOKENS)('%s', async (_title, spoil, reason) => {
    const token = spoil(await on(kind).tokens.mint());
    for (const call of everyMethod(kind, token)) await expectRefusal(kind, call(), reason);
  });

  test('expired, not yet valid, of another key', async () => {
    const hourMs = 3_600_000;
    const expired = await on(kind).tokens.mint({}, { nowMs: Date.now() - hourMs });
    const early = await on(kind).tokens.mint({}, { nowMs: Date.now() + hourMs });
    const stranger = await importSigningKey((await generateSigningKey()).privateJwk);
    const claims = { iss: ISSUER, sub: 'shop.db', aud: ['RegistryServer', 'Db_*'], capabilities: EVERY_RIGHT };
    const foreign = await mintToken(stranger, claims, { clock: { nowMs: () => Date.now() } });
    for (const call of everyMethod(kind, expired)) await expectRefusal(kind, call(), 'TOKEN_EXPIRED');
    for (const call of everyMethod(kind, early)) await expectRefusal(kind, call(), 'TOKEN_NOT_YET_VALID');
    for (const call of everyMethod(kind, foreign)) await expectRefusal(kind, call(), 'TOKEN_UNTRUSTED');
  });

  test('a delegation proof is refused, never ignored', async () => {
    const agent_delegation_proof = 'anything';
    await expectRefusal(kind, register(kind, { agent_delegation_proof }), 'PROOF_UNSUPPORTED');
    await expectRefusal(kind, on(kind).lookup({ agent_delegation_proof }), 'PROOF_UNSUPPORTED');
    await expectRefusal(kind, deregister(kind, { agent_delegation_proof }), 'PROOF_UNSUPPORTED');
    await expectRefusal(kind, beat(kind, { agent_delegation_proof }), 'PROOF_UNSUPPORTED');
  });

  test('two different tokens in one call are a conflict', async () => {
    const other = { authorization: `Bearer ${await on(kind).tokens.mint({ sub: 'shop.other' })}` };
    await expectRefusal(kind, on(kind).register({ server_name: 'Db_New' }, other), 'CREDENTIAL_CONFLICT');
    await expectRefusal(kind, on(kind).lookup({}, other), 'CREDENTIAL_CONFLICT');
  });
});

describe.each(STORE_KINDS)('Register on %s', (kind) => {
  test.each(REGISTRATIONS)('%s', async (_title, request, reason) => {
    await expectRefusal(kind, register(kind, request), reason);
  });

  test('an address in the field and another in metadata', async () => {
    const call = on(kind).register({ server_name: 'Db_New' }, { 'grpc-url': '10.0.0.2:50051' });
    await expectRefusal(kind, call, 'ENDPOINT_INVALID');
  });

  test('an instance without its secret', async () => {
    const own = { server_name: 'Db_Held', instance_id: held.get(kind)?.instance_id ?? '' };
    await expectRefusal(kind, register(kind, { ...own, lease_token: Buffer.alloc(32) }), 'LEASE_NOT_YOURS');
    await expectRefusal(kind, register(kind, own), 'LEASE_NOT_YOURS');
  });
});

describe.each(STORE_KINDS)('Lookup on %s', (kind) => {
  test.each(LOOKUPS)('%s', async (_title, request, reason) => {
    await expectRefusal(kind, on(kind).lookup(request), reason);
  });
});

describe.each(STORE_KINDS)('Heartbeat and Deregister on %s', (kind) => {
  test.each(LEASES)('%s', async (_title, request, reason) => {
    await expectRefusal(kind, beat(kind, request), reason);
    // To deregister what is not there is a success that does nothing.
    if (reason === 'INSTANCE_UNKNOWN') await deregister(kind, request);
    else await expectRefusal(kind, deregister(kind, request), reason);
    expect(await storeRevision(on(kind))).toBe(revisions.get(kind));
  });

  test.each(BEATS)('%s', async (_title, request, reason) => {
    await expectRefusal(kind, beat(kind, request), reason);
  });

  test('Deregister without an instance', async () => {
    await expectRefusal(kind, deregister(kind, { instance_id: '' }), 'ARGUMENT_INVALID');
  });

  test('the lease of another subject, even with its secret', async () => {
    const registration_token = await on(kind).tokens.mint({ sub: 'shop.other' });
    await expectRefusal(kind, beat(kind, { registration_token }), 'NAME_TAKEN');
    await expectRefusal(kind, deregister(kind, { registration_token }), 'LEASE_NOT_YOURS');
  });
});

test('Watch and GetCard are not built yet', async () => {
  const { registry, tokens } = on('embedded');
  const requester_token = await tokens.mint();
  const card = registry.client.call('GetCard', { requester_token, server_name: 'Db_Held' });
  expect((await refusalOf(card)).code).toBe(status.UNIMPLEMENTED);
  const watch = registry.client.serverStream('Watch', { requester_token }).next();
  expect((await refusalOf(watch)).code).toBe(status.UNIMPLEMENTED);
});

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
