/** Who may register and find what: ownership, rights, visibility, and the reference implementation's bugs that ours must not have. */
import { CompactSign } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Owner } from '#lib/store/owner.ts';
import { encodeServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import type { LookupRequest } from '#protos/generated/mcp2/LookupRequest.ts';
import type { RegisterRequest } from '#protos/generated/mcp2/RegisterRequest.ts';
import { eventually } from '../harness/eventually.ts';
import {
  createTokens,
  ISSUER,
  refusalOf,
  startRegistry,
  startStore,
  type TestRegistry,
  type TestStore,
  type TestTokens,
} from '../harness/registry-fixture.ts';

let store: TestStore;
let tokens: TestTokens;
let registry: TestRegistry;

beforeAll(async () => {
  [store, tokens] = await Promise.all([startStore('embedded'), createTokens()]);
  registry = await startRegistry({ store: store.store, tokens });
  await registry.running.ready;
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

type Claims = NonNullable<Parameters<TestTokens['mint']>[0]>;

/** Of the last registration: whoever looks up after it wants to find it (the index hears of it a moment later). */
const written = { revision: 0 };

async function register(server_name: string, claims: Claims = {}, request: RegisterRequest = {}) {
  const answer = await registry.client.call('Register', {
    server_name,
    capabilities: ['db:inventory:read'],
    registration_token: await tokens.mint(claims),
    grpc_url: '10.0.0.1:50051',
    ...request,
  });
  written.revision = Math.max(written.revision, answer.revision);
  return answer;
}
async function lookup(claims: Claims = {}, request: LookupRequest = {}) {
  const requester_token = await tokens.mint(claims);
  return registry.client.call('Lookup', {
    requester_token,
    capability_filter: ['db:inventory:read'],
    min_revision: written.revision,
    ...request,
  });
}
const urlsOf = ({ endpoints }: { readonly endpoints: readonly { readonly grpc_url: string }[] }) =>
  endpoints.map(({ grpc_url }) => grpc_url).sort();

async function writeOperatorRecord(target: Store, name: string): Promise<number> {
  const owner: Owner = { manager: 'mcp2-operator', installation: 'i', namespace: 'shop', name: 'inventory', uid: 'u' };
  const endpoint = {
    instanceId: 'pod-1',
    url: '10.0.0.7:1',
    transport: 'MTLS',
    tlsServerName: 'inventory.shop.svc',
    zone: 'eu-1a',
    health: 'SERVING',
    weight: 100,
  } as const;
  const visibility = { visibleTo: [], requiredCapabilities: [] };
  const declared = {
    capabilities: ['db:inventory:read'],
    tags: {},
    version: '',
    visibility,
    cardDigest: 'ab'.repeat(32),
  };
  const record = sealServerRecord({ name, owner, ...declared, endpoints: [endpoint] });
  const key = `/mcp2/v1/servers/${name.toLowerCase()}`;
  const writes = [{ kind: 'put', key, value: encodeServerRecord(record) } as const];
  return (await target.transact({ compares: [{ key, modRevision: 0 }], writes })).revision;
}

describe('a name belongs to its first owner', () => {
  test('another subject is told by whom it is taken, whatever its rights', async () => {
    await register('Db_Owned');
    const refusal = await refusalOf(register('Db_Owned', { sub: 'evil.db' }, { grpc_url: '10.6.6.6:1' }));
    expect(refusal).toMatchObject({ reason: 'NAME_TAKEN', facts: { owner: 'shop.db' } });
    expect(refusal.message).toContain('shop.db');
    expect(urlsOf(await lookup({}, { server_name: 'Db_Owned' }))).toEqual(['10.0.0.1:50051']);
  });

  test('another spelling is the same name', async () => {
    await register('Db_Spelled');
    expect((await refusalOf(register('DB_SPELLED', { sub: 'evil.db' }))).reason).toBe('NAME_TAKEN');
    expect((await refusalOf(register('DB_SPELLED'))).message).toContain('Db_Spelled');
  });

  test('a name of the operator is refused and names the resource', async () => {
    await writeOperatorRecord(store.store, 'Db_Operated');
    const capabilities = ['registry:register:*', 'registry:provide:*', 'registry:takeover:*'];
    const refusal = await refusalOf(register('Db_Operated', { capabilities }));
    expect(refusal).toMatchObject({ reason: 'NAME_TAKEN', facts: { owner: 'Mcp2Server shop/inventory' } });
  });

  test('the right to take over moves the name, and the old instances are gone at once', async () => {
    const old = await register('Db_Moved', { sub: 'shop.old' }, { grpc_url: '10.0.0.1:1' });
    const capabilities = ['registry:register:*', 'registry:provide:*', 'registry:takeover:Db_Moved'];
    const { revision } = await register('Db_Moved', { sub: 'shop.new', capabilities }, { grpc_url: '10.0.0.2:1' });
    const found = await lookup({}, { server_name: 'Db_Moved', min_revision: revision });
    expect(urlsOf(found)).toEqual(['10.0.0.2:1']);
    const registration_token = await tokens.mint({ sub: 'shop.old' });
    const message = { server_name: 'Db_Moved', instance_id: old.instance_id, lease_token: old.lease_token };
    const beat = registry.client.bidiStream('Heartbeat', once({ ...message, registration_token })).next();
    expect((await refusalOf(beat)).reason).toBe('NAME_TAKEN');
  });

  test('a value that is no record is nobody’s to overwrite, and stops no reader', async () => {
    const key = '/mcp2/v1/servers/db_garbage';
    await store.store.transact({ compares: [], writes: [{ kind: 'put', key, value: 'no record' }] });
    expect((await refusalOf(register('Db_Garbage'))).reason).toBe('NAME_TAKEN');
    const metrics = await eventually(
      () => registry.metrics(),
      (text) => text.includes('mcp2_registry_undecodable{service="registry"} 1'),
    );
    expect(metrics).toMatch(/mcp2_registry_registrations_total\{result="NAME_TAKEN",service="registry"\} [1-9]/);
  });
});

describe('what a token must hold to register', () => {
  test.each<[string, Claims, RegisterRequest, string]>([
    ['RegistryServer in aud', { aud: ['Db_*'] }, {}, 'AUDIENCE_MISMATCH'],
    [
      'the right to the name',
      { capabilities: ['registry:register:Other', 'registry:provide:*'] },
      {},
      'CAPABILITY_DENIED',
    ],
    [
      'more than a bare right for a name that is not its subject',
      { capabilities: ['registry:register'] },
      {},
      'CAPABILITY_DENIED',
    ],
    ['the right to each capability', { capabilities: ['registry:register:*'] }, {}, 'CAPABILITY_DENIED'],
    [
      'the right to every capability',
      { capabilities: ['registry:register:*', 'registry:provide:db:inventory:read'] },
      { capabilities: ['db:inventory:read', 'db:payroll:read'] },
      'CAPABILITY_DENIED',
    ],
    [
      'the right to a wildcard, not to one thing below it',
      { capabilities: ['registry:register:*', 'registry:provide:db:inventory:*'] },
      { capabilities: ['db:*'] },
      'CAPABILITY_DENIED',
    ],
    [
      'more than a bare right for a wildcard in the first two segments',
      { sub: 'Db_Self', capabilities: ['registry:register'] },
      { server_name: 'Db_Self', capabilities: ['db:*'] },
      'CAPABILITY_DENIED',
    ],
  ])('%s', async (_title, claims, request, reason) => {
    expect((await refusalOf(register('Db_Rights', claims, request))).reason).toBe(reason);
  });

  test('a bare registry:register is enough for a server of the subject’s own name', async () => {
    await register('Db_Self', { sub: 'Db_Self', capabilities: ['registry:register'] });
    expect((await lookup({}, { server_name: 'Db_Self' })).endpoints).toHaveLength(1);
  });
});

describe('what a caller finds', () => {
  test('one filter without the right fails the whole call', async () => {
    const capabilities = ['db:inventory:read'];
    await register('Db_Partly');
    const request = { capability_filter: ['db:inventory:read', 'db:payroll:read'] };
    expect((await refusalOf(lookup({ capabilities }, request))).reason).toBe('CAPABILITY_DENIED');
  });

  test('a right must contain a wildcard filter; overlapping it is not enough', async () => {
    const narrow = { capabilities: ['db:inventory:read'] };
    expect((await refusalOf(lookup(narrow, { capability_filter: ['db:*'] }))).reason).toBe('CAPABILITY_DENIED');
    await expect(lookup({ capabilities: ['db:*'] }, { capability_filter: ['db:inventory:*'] })).resolves.toBeDefined();
  });

  test('no filter finds nothing', async () => {
    expect(await lookup({}, { capability_filter: [] })).toMatchObject({ endpoints: [], not_serving: [] });
  });

  test('the audience filters the answer without a word', async () => {
    await register('Db_Audience');
    expect((await lookup({ aud: ['Db_Audience'] })).endpoints.map((found) => found.server_name)).toEqual([
      'Db_Audience',
    ]);
    expect(await lookup({ aud: ['Payroll_*'] })).toMatchObject({ endpoints: [], not_serving: [] });
  });

  test('visible_to and required_capabilities hide a server without a word', async () => {
    const acl = { visible_to: ['shop.agent', 'lab.*'], required_capabilities: ['tool:secret'] };
    const { revision } = await register('Db_Hidden', {}, { acl });
    const request = { server_name: 'Db_Hidden', min_revision: revision };
    const capabilities = ['db:inventory:read', 'tool:*'];
    for (const sub of ['shop.agent', 'lab.anybody']) {
      expect((await lookup({ sub, capabilities }, request)).endpoints).toHaveLength(1);
    }
    for (const sub of ['shop.agent2', 'laboratory.x', 'shop.db']) {
      expect(await lookup({ sub, capabilities }, request)).toMatchObject({ endpoints: [], not_serving: [] });
    }
    const poor = { sub: 'shop.agent', capabilities: ['db:inventory:read'] };
    expect(await lookup(poor, request)).toMatchObject({ endpoints: [], not_serving: [] });
  });

  test('capabilities are cut to what the caller could have looked up', async () => {
    const declared = ['db:inventory:read', 'db:payroll:read', 'event:publish:inventory:*'];
    const request = {
      server_name: 'Db_Cut',
      min_revision: (await register('Db_Cut', {}, { capabilities: declared })).revision,
    };
    const cut = async (claims: Claims) => (await lookup(claims, request)).endpoints[0]?.capabilities;
    expect(await cut({ capabilities: ['db:inventory:read'] })).toEqual(['db:inventory:read']);
    expect(await cut({ capabilities: ['db:*'] })).toEqual(['db:inventory:read', 'db:payroll:read']);
    expect(await cut({ capabilities: ['registry:lookup'] })).toEqual(declared);
  });

  test('a grant for Lookup narrows like a capability', async () => {
    await register('Db_Granted');
    const grants = [{ method: 'Discovery.Lookup', resource: ['db:inventory:*'] }];
    const request = { server_name: 'Db_Granted' };
    expect((await lookup({ capabilities: ['registry:lookup'], grants }, request)).endpoints).toHaveLength(1);
    const other = { ...request, capability_filter: ['db:payroll:read'] };
    expect((await refusalOf(lookup({ capabilities: ['registry:lookup'], grants }, other))).reason).toBe(
      'CAPABILITY_DENIED',
    );
  });

  test('a server of the operator is found with what the operator wrote', async () => {
    const min_revision = await writeOperatorRecord(store.store, 'Db_Managed');
    const { endpoints } = await lookup({}, { server_name: 'Db_Managed', min_revision });
    expect(endpoints).toMatchObject([
      {
        server_name: 'Db_Managed',
        grpc_url: '10.0.0.7:1',
        instance_id: 'pod-1',
        transport: 3,
        tls_server_name: 'inventory.shop.svc',
        expires_at_ms: 0,
        mod_revision: min_revision,
      },
    ]);
    expect(endpoints[0]?.card_digest.toString('hex')).toBe('ab'.repeat(32));
  });

  test('a version range and ALL filters narrow', async () => {
    await register('Db_V1', {}, { version: '1.9.0', capabilities: ['db:v:read', 'tool:v'] });
    const { revision } = await register('Db_V2', {}, { version: '2.0.0', capabilities: ['db:v:read'] });
    const ask = async (request: LookupRequest) =>
      (await lookup({}, { capability_filter: ['db:v:read'], min_revision: revision, ...request })).endpoints
        .map(({ server_name }) => server_name)
        .sort();
    expect(await ask({})).toEqual(['Db_V1', 'Db_V2']);
    expect(await ask({ version_constraint: '^1.2' })).toEqual(['Db_V1']);
    expect(await ask({ version_constraint: '>=1.9 <3' })).toEqual(['Db_V1', 'Db_V2']);
    expect(await ask({ capability_filter: ['db:v:read', 'tool:v'], mode: 1 })).toEqual(['Db_V1']);
    expect(await ask({ capability_filter: ['db:v:read', 'tool:v'], mode: 0 })).toEqual(['Db_V1', 'Db_V2']);
  });
});

describe('bugs of the reference implementation', () => {
  test('a token with an audience works', async () => {
    expect((await register('Db_Bug1')).success).toBe(true);
  });

  test('a refusal keeps its own status and reason', async () => {
    const denied = await refusalOf(lookup({ capabilities: ['tool:x'] }));
    expect(denied).toMatchObject({ code: 7, reason: 'CAPABILITY_DENIED' });
    const invalid = await refusalOf(lookup({}, { capability_filter: ['zz*'] }));
    expect(invalid).toMatchObject({ code: 3, reason: 'FILTER_INVALID' });
  });

  test('bad tokens of one caller close nothing to others', async () => {
    const bad = { requester_token: 'garbage', capability_filter: ['db:inventory:read'] };
    for (let i = 0; i < 20; i += 1) await refusalOf(registry.client.call('Lookup', bad));
    await expect(lookup()).resolves.toBeDefined();
  });

  test('capabilities that are text are not read letter by letter', async () => {
    const requester_token = await signAsItIs({ capabilities: 'zz*', aud: 'q*' });
    const call = registry.client.call('Lookup', { requester_token, capability_filter: ['db:inventory:read'] });
    expect((await refusalOf(call)).reason).toBe('TOKEN_MALFORMED');
  });

  test('an audience that is text is one name', async () => {
    await register('Db_Bug7');
    const token = async (aud: string) => signAsItIs({ capabilities: ['registry:lookup'], aud });
    const ask = async (aud: string) =>
      registry.client.call('Lookup', { requester_token: await token(aud), capability_filter: ['db:inventory:read'] });
    expect((await ask('q*')).endpoints).toEqual([]);
    expect((await ask('Db_Bug7')).endpoints).toHaveLength(1);
  });

  test('a bare registry:lookup sees only its audience', async () => {
    await register('Db_Bug9');
    const { endpoints } = await lookup(
      { capabilities: ['registry:lookup'], aud: ['Db_Bug9'] },
      { capability_filter: ['*'] },
    );
    expect(new Set(endpoints.map(({ server_name }) => server_name))).toEqual(new Set(['Db_Bug9']));
  });
});

describe('pages', () => {
  test('250 servers come complete and without doubles, whatever the page size', async () => {
    const names = Array.from({ length: 250 }, (_, i) => `Db_Page${i}`);
    const declared = { tags: { suite: 'pages' }, ttl_seconds: 300 };
    let newest = 0;
    for (const name of names) newest = Math.max(newest, (await register(name, {}, declared)).revision);
    for (const page_size of [0, 7, 100, 5_000]) {
      const found: string[] = [];
      let page_token = '';
      do {
        const request = { tag_selector: { suite: 'pages' }, page_size, page_token, min_revision: newest };
        const page = await lookup({}, request);
        expect(page.endpoints.length).toBeLessThanOrEqual(page_size === 7 ? 7 : 100);
        found.push(...page.endpoints.map(({ server_name }) => server_name));
        page_token = page.next_page_token;
      } while (page_token !== '');
      expect(found.sort()).toEqual([...names].sort());
    }
  });

  test('a token of one filter is refused for another, and each page is authorised afresh', async () => {
    const request = { tag_selector: { suite: 'pages' }, page_size: 10 };
    const { next_page_token: page_token } = await lookup({}, request);
    const other = { ...request, page_token, tag_selector: { suite: 'others' } };
    expect((await refusalOf(lookup({}, other))).reason).toBe('PAGE_TOKEN_INVALID');
    const poor = { capabilities: ['tool:x'] };
    expect((await refusalOf(lookup(poor, { ...request, page_token }))).reason).toBe('CAPABILITY_DENIED');
    expect((await lookup({ aud: ['Db_Page1'] }, { ...request, page_token })).endpoints).toEqual([]);
  });
});

/** The mint refuses to make such tokens; an issuer elsewhere may not. */
async function signAsItIs(claims: Record<string, unknown>): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const payload = { iss: ISSUER, sub: 'shop.db', iat, exp: iat + 60, jti: 'a'.repeat(22), ...claims };
  const { kid, alg, key } = tokens.signingKey;
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg, kid, typ: 'mcp2-cap+jwt' })
    .sign(key);
}

async function* once<T>(message: T): AsyncGenerator<T, void> {
  yield message;
}
