/** What somebody with good tokens can do to the others: not take their answers, their memory or their store. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import { RegistryCalls } from '../harness/registry-calls.ts';
import {
  createTokens,
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
let calls: RegistryCalls;
/** Listings that the registry asked of its store. */
let listings = 0;

beforeAll(async () => {
  [store, tokens] = await Promise.all([startStore('embedded'), createTokens()]);
  registry = await startRegistry({ store: counting(store.store), tokens });
  await registry.running.ready;
  calls = new RegistryCalls(registry, tokens);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

/** The store itself, but for the count. */
function counting(real: Store): Store {
  return new Proxy(real, {
    get(target, name) {
      if (name === 'list') listings += 1;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

test('servers that describe themselves at length are found page by page, and hide nobody', async () => {
  const capabilities = Array.from(
    { length: 256 },
    (_, i) => `tool:big${i}:${'x'.repeat(120)}:${'y'.repeat(120)}:${'z'.repeat(120)}`,
  );
  const name = 'Db_Big';
  const endpoints = Array.from({ length: 100 }, (_, i) => ({
    instanceId: `pod-${i}`,
    url: `10.1.0.${i}:1`,
    transport: 'PLAINTEXT' as const,
    health: 'SERVING' as const,
    weight: 100,
  }));
  const record = sealServerRecord({
    name,
    owner: { manager: 'mcp2-operator', installation: 'i', namespace: 'evil', name: 'big', uid: 'u' },
    capabilities: ['tool:wanted', ...capabilities],
    tags: {},
    version: '',
    visibility: { visibleTo: [], requiredCapabilities: [] },
    cardDigest: '',
    endpoints,
  });
  const key = '/mcp2/v1/servers/db_big';
  const writes = [{ kind: 'put', key, value: encodeServerRecord(record) } as const];
  const { revision } = await store.store.transact({ compares: [], writes });
  const honest = await calls.register({ server_name: 'Db_Small', capabilities: ['tool:wanted'] });
  const found: string[] = [];
  let page_token = '';
  do {
    const request = {
      capability_filter: ['tool:wanted'],
      page_token,
      min_revision: Math.max(revision, honest.revision),
    };
    const page = await calls.lookup(request);
    found.push(...page.endpoints.map(({ grpc_url }) => grpc_url));
    page_token = page.next_page_token;
  } while (page_token !== '');
  expect(found.sort()).toEqual([...endpoints.map(({ url }) => url), '10.0.0.1:50051'].sort());
});

test('a malformed request is refused at once, whatever revision it would wait for', async () => {
  const beganMs = performance.now();
  const request = { capability_filter: ['db:'], min_revision: 1_000_000 };
  expect((await refusalOf(calls.lookup(request))).reason).toBe('FILTER_INVALID');
  const denied = { requester_token: await tokens.mint({ capabilities: ['tool:x'] }), min_revision: 1_000_000 };
  expect((await refusalOf(calls.lookup(denied))).reason).toBe('CAPABILITY_DENIED');
  expect(performance.now() - beganMs).toBeLessThan(1_500);
});

test('a wrong lease token costs two reads, however many instances the server has', async () => {
  const { instance_id } = await calls.register({ server_name: 'Db_Many' });
  const before = listings;
  const beat = calls.beat({ server_name: 'Db_Many', instance_id, lease_token: Buffer.alloc(32) });
  expect((await refusalOf(beat)).reason).toBe('LEASE_NOT_YOURS');
  expect(listings).toBe(before);
});
