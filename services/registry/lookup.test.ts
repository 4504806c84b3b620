/**
 * What Lookup keeps of a request that it has answered, and what it asks again all the same. Everything else of Lookup is
 * shown over gRPC, in `test/integration/registry-*`.
 */
import { beforeAll, expect, test } from 'vitest';
import { type Reason, ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import { EncodedRequest } from '#lib/grpc/method.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import { createAuthenticate, createReauthenticate } from '#lib/middleware/authenticate.ts';
import { createGuards } from '#lib/middleware/guard.ts';
import { createKeys } from '#lib/store/keys.ts';
import { encodeServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import { parseKeySet } from '#lib/token/key-set.ts';
import { createKeySource } from '#lib/token/key-source.ts';
import { mintToken } from '#lib/token/mint.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import { noRevocations } from '#lib/token/revocations.ts';
import { type GeneratedKey, generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import { createTokenVerifier, type TokenVerifier } from '#lib/token/verify.ts';
import { REGISTRY_NAME } from '#lib/well-known.ts';
import type { LookupRequest } from '#protos/generated/mcp2/LookupRequest.ts';
import { loadServices } from '#protos/load.ts';
import { Callers } from './caller.ts';
import { createRegistryGuards } from './guards.ts';
import { createLookup } from './lookup.ts';
import { RegistrationIndex } from './registration-index.ts';

const ISSUER = 'mcp2:test';
const START_MS = 1_760_000_000_000;
const keys = createKeys();
const { Discovery } = loadServices();

let generated: GeneratedKey;
let signingKey: SigningKey;

beforeAll(async () => {
  generated = await generateSigningKey('ES256');
  signingKey = await importSigningKey(generated.privateJwk);
});

test('a request that comes again is not decoded again', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint() };
  const first = await registry.lookup(request);
  expect(await registry.lookup(request)).toEqual(first);
  expect(registry.decoded).toBe(1);
});

test('another filter, or another token with the same rights, is another request', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  await registry.lookup({ requester_token: await registry.mint() });
  await registry.lookup({ requester_token: await registry.mint() });
  const requester_token = await registry.mint({ capabilities: ['db:*'] });
  expect(await registry.names({ requester_token })).toEqual(['Db_A']);
  expect(await registry.names({ requester_token, capability_filter: ['db:other:read'] })).toEqual([]);
  expect(registry.decoded).toBe(4);
});

test('a request that comes again after its token expired is refused', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint({ ttlSeconds: 60 }) };
  await registry.lookup(request);
  await registry.clock.advance(59_999);
  await registry.lookup(request);
  await registry.clock.advance(1);
  expect(await registry.refusal(request)).toBe('TOKEN_EXPIRED');
});

test('a request that comes again after its token was revoked is refused', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint() };
  await registry.lookup(request);
  registry.revoked.add('shop.agent');
  expect(await registry.refusal(request)).toBe('TOKEN_REVOKED');
});

test('a request that comes again after the key of its token was withdrawn is refused', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint() };
  await registry.lookup(request);
  await registry.replaceKeys((await generateSigningKey('ES256')).publicJwks);
  expect(await registry.refusal(request)).toBe('TOKEN_UNTRUSTED');
});

test('a change of the index shows in the next answer, a new listing as well', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint() };
  expect(await registry.names(request)).toEqual(['Db_A']);
  registry.index.apply({ events: [{ kind: 'put', entry: entry('Db_B', 2) }], revision: 2 });
  expect(await registry.names(request)).toEqual(['Db_A', 'Db_B']);
  registry.index.apply({ events: [{ kind: 'delete', key: keys.server('Db_A'), modRevision: 3 }], revision: 3 });
  expect(await registry.lookup(request)).toMatchObject({ revision: 3, endpoints: [{ server_name: 'Db_B' }] });
  await registry.index.reset({ entries: [entry('Db_C', 1)], revision: 3 });
  expect(await registry.names(request)).toEqual(['Db_C']);
  expect(registry.decoded).toBe(1);
});

test('staleness shows within a second', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint() };
  await registry.lookup(request);
  registry.staleness.isStale = true;
  await registry.clock.advance(1_000);
  expect((await registry.lookup(request)).stale).toBe(true);
});

test('a token in metadata does not stay with the bytes of its request', async () => {
  const registry = await setUp({ servers: ['Db_A', 'Db_B'] });
  const a = { authorization: [`Bearer ${await registry.mint({ aud: ['Db_A'] })}`] };
  const b = { authorization: [`Bearer ${await registry.mint({ aud: ['Db_B'] })}`] };
  expect(await registry.names({}, a)).toEqual(['Db_A']);
  expect(await registry.names({}, b)).toEqual(['Db_B']);
  expect(await registry.refusal({})).toBe('CREDENTIAL_MISSING');
});

test('a known request beside another token in metadata is refused', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint() };
  await registry.lookup(request);
  const other = { authorization: [`Bearer ${await registry.mint({ aud: ['Db_B'] })}`] };
  expect(await registry.refusal(request, other)).toBe('CREDENTIAL_CONFLICT');
});

test('a refusal is not kept: it is decided anew each time', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const request = { requester_token: await registry.mint({ capabilities: ['db:other:read'] }) };
  expect(await registry.refusal(request)).toBe('CAPABILITY_DENIED');
  expect(await registry.refusal(request)).toBe('CAPABILITY_DENIED');
  expect(registry.decoded).toBe(2);
});

test('the order is drawn anew for each call', async () => {
  const registry = await setUp({ servers: ['Db_A', 'Db_B', 'Db_C'] });
  const request = { requester_token: await registry.mint() };
  const firsts = new Set<string | undefined>();
  for (let call = 0; call < 100; call += 1) firsts.add((await registry.lookup(request)).endpoints[0]?.server_name);
  expect(firsts).toEqual(new Set(['Db_A', 'Db_B', 'Db_C']));
  expect(registry.decoded).toBe(1);
});

test('a request of more than 8 KiB is looked at each time', async () => {
  const registry = await setUp({ servers: ['Db_A'] });
  const long = Array.from({ length: 60 }, (_, i) => `db:${'x'.repeat(60)}:${'y'.repeat(60)}:${'z'.repeat(20)}${i}`);
  const request = {
    requester_token: await registry.mint({ capabilities: ['registry:lookup'] }),
    capability_filter: [...long, 'db:inventory:read'],
  };
  expect(await registry.names(request)).toEqual(['Db_A']);
  expect(await registry.names(request)).toEqual(['Db_A']);
  expect(registry.decoded).toBe(2);
});

type Metadata = Readonly<Record<string, readonly string[]>>;

async function setUp({ servers }: { readonly servers: readonly string[] }) {
  const clock = new ManualClock(START_MS);
  const trust = createTrust(clock);
  const staleness = { isStale: false };
  const index = new RegistrationIndex({ keys, clock });
  await index.reset({ entries: servers.map((name) => entry(name, 1)), revision: 1 });
  const { callers, guard } = createGuard(trust.verifier);
  const answer = createLookup({
    reauthenticate: createReauthenticate(trust.verifier),
    callers,
    index,
    latency: { medianMs: () => undefined },
    staleness,
    clock,
    encode: Discovery.Lookup.responseSerialize,
    random: Math.random,
  });
  let decoded = 0;
  const open = async (bytes: Buffer, call: CallContext) => {
    decoded += 1;
    const request = Discovery.Lookup.requestDeserialize(bytes);
    if (guard.on === 'request') await guard.check(request, call);
    return request;
  };

  async function lookup(request: LookupRequest, metadataEntries: Metadata = {}) {
    const bytes = Discovery.Lookup.requestSerialize({ capability_filter: ['db:inventory:read'], ...request });
    const call = {
      metadataEntries,
      startedMs: clock.monotonicMs(),
      caller: undefined,
      requireCaller: () => call.caller,
    };
    const encoded = await answer(new EncodedRequest(bytes, open), call as unknown as CallContext);
    return Discovery.Lookup.responseDeserialize(encoded as Buffer);
  }

  return {
    clock,
    ...trust,
    staleness,
    index,
    lookup,
    get decoded() {
      return decoded;
    },
    async names(request: LookupRequest, metadata: Metadata = {}) {
      const { endpoints } = await lookup(request, metadata);
      return endpoints.map(({ server_name }) => server_name).sort();
    },
    async refusal(request: LookupRequest, metadata: Metadata = {}): Promise<Reason | undefined> {
      const error: unknown = await lookup(request, metadata).catch((caught: unknown) => caught);
      return error instanceof ServiceError ? error.reason : undefined;
    },
    mint(claims: Partial<MintRequest> = {}) {
      const usual = { iss: ISSUER, sub: 'shop.agent', aud: ['Db_*'], capabilities: ['db:inventory:read'] };
      return mintToken(signingKey, { ...usual, ...claims }, { clock });
    },
  };
}

function createGuard(verifier: TokenVerifier) {
  const callers = new Callers((descriptor) => Discovery.Lookup.responseSerialize({ endpoints: [descriptor] }));
  const guardOf = createGuards({
    serverName: REGISTRY_NAME,
    authenticate: createAuthenticate(verifier),
    revocations: noRevocations,
    own: createRegistryGuards(callers),
  });
  return { callers, guard: guardOf('Discovery.Lookup') };
}

/** A verifier whose keys and revocations a test changes. */
function createTrust(clock: ManualClock) {
  const revoked = new Set<string>();
  let jwks: unknown = generated.publicJwks;
  const policy = { refreshAfterMs: 1e12, maxAgeMs: 1e12, maxStaleMs: 1e12, retryAfterMs: 1000 };
  const source = createKeySource({ clock, policy, read: () => parseKeySet(JSON.stringify(jwks)) });
  const revocations = { isRevoked: ({ sub }: { readonly sub: string }) => revoked.has(sub), isStale: () => false };
  const verifier = createTokenVerifier({ issuers: [{ iss: ISSUER, keys: source }], clock, revocations });
  const replaceKeys = async (next: unknown) => {
    jwks = next;
    await source.refresh();
  };
  return { verifier, revoked, replaceKeys };
}

function entry(name: string, modRevision: number) {
  const record = sealServerRecord({
    name,
    owner: { manager: 'mcp2-operator', installation: 'i', namespace: 'shop', name: name.toLowerCase(), uid: name },
    capabilities: ['db:inventory:read'],
    tags: {},
    version: '',
    visibility: { visibleTo: [], requiredCapabilities: [] },
    cardDigest: '',
    endpoints: [{ instanceId: 'a', url: '10.0.0.1:1', transport: 'TLS', health: 'SERVING', weight: 100 }],
  });
  return { key: keys.server(name), value: encodeServerRecord(record), modRevision };
}
