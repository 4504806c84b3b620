/** A server's life in Discovery, over real gRPC, on each of the stores. */
import { describe, expect, test } from 'vitest';
import { Health } from '#protos/generated/mcp2/Health.ts';
import { eventually } from '../harness/eventually.ts';
import { useRegistries } from '../harness/registry-calls.ts';
import { refusalOf, STORE_KINDS } from '../harness/registry-fixture.ts';

const on = useRegistries();

describe.each(STORE_KINDS)('Register on %s', (kind) => {
  test('a registered server is found with everything it declared', async () => {
    const declared = { tags: { tier: 'gold', 'topology.kubernetes.io/zone': 'eu-1a' }, version: '1.4.0', weight: 7 };
    const registered = await on(kind).register({ server_name: 'Db_Full', ttl_seconds: 20, ...declared });
    expect(registered).toMatchObject({ success: true, ttl_seconds: 20 });
    expect(registered.instance_id).toMatch(/^[a-z2-7]{26}$/);
    expect(registered.lease_token).toHaveLength(32);
    const beforeMs = Date.now();
    const found = await on(kind).lookup({ server_name: 'Db_Full', min_revision: registered.revision });
    expect(found).toMatchObject({ stale: false, next_page_token: '', not_serving: [], cache_ttl_ms: 5_000 });
    expect(found.revision).toBeGreaterThanOrEqual(registered.revision);
    expect(found.endpoints).toEqual([
      {
        ...declared,
        server_name: 'Db_Full',
        grpc_url: '10.0.0.1:50051',
        capabilities: ['db:inventory:read'],
        instance_id: registered.instance_id,
        health: Health.HEALTH_SERVING,
        latency_ms: 0,
        card_digest: Buffer.alloc(0),
        expires_at_ms: expect.any(Number),
        public_jwk: '',
        proofs: false,
        subject: '',
        mod_revision: registered.revision,
        tls_server_name: '',
        transport: 0,
      },
    ]);
    const leftMs = (found.endpoints[0]?.expires_at_ms ?? 0) - beforeMs;
    expect(leftMs).toBeGreaterThan(18_000);
    expect(leftMs).toBeLessThan(22_000);
  });

  test('registering the same address again renews the instance instead of adding one', async () => {
    const first = await on(kind).register({ server_name: 'Db_Again' });
    const second = await on(kind).register({ server_name: 'Db_Again', version: '2.0.0' });
    expect(second.instance_id).toBe(first.instance_id);
    const found = await on(kind).lookup({ server_name: 'Db_Again', min_revision: second.revision });
    expect(found.endpoints.map(({ version }) => version)).toEqual(['2.0.0']);
  });
});

describe.each(STORE_KINDS)('instances on %s', (kind) => {
  test('one owner may have many, each with its own declaration', async () => {
    const server_name = 'Db_Many';
    await on(kind).register({ server_name, grpc_url: '10.0.0.1:1' });
    const other = { server_name, grpc_url: '10.0.0.1:2', capabilities: ['db:other:read'] };
    const { revision } = await on(kind).register(other);
    expect(await on(kind).urlsOf(server_name, revision)).toEqual(['10.0.0.1:1']);
    const all = await on(kind).lookup({ server_name, capability_filter: ['db:*'] });
    expect(all.endpoints.map(({ grpc_url }) => grpc_url).sort()).toEqual(['10.0.0.1:1', '10.0.0.1:2']);
  });

  test('an instance id and its lease token renew that instance at another address', async () => {
    const server_name = 'Db_Moves';
    const { instance_id, lease_token } = await on(kind).register({ server_name, grpc_url: '10.0.0.1:1' });
    const moved = { server_name, grpc_url: '10.0.0.1:2', instance_id };
    const renewed = await on(kind).register({ ...moved, lease_token });
    expect(renewed.instance_id).toBe(instance_id);
    expect(await on(kind).urlsOf(server_name, renewed.revision)).toEqual(['10.0.0.1:2']);
    const outdated = on(kind).register({ ...moved, lease_token });
    expect((await refusalOf(outdated)).reason).toBe('LEASE_NOT_YOURS');
  });

  test('calls that register one address at the same moment leave it registered once', async () => {
    const server_name = 'Db_Race';
    await Promise.all(Array.from({ length: 4 }, () => on(kind).register({ server_name })));
    const { revision } = await on(kind).register({ server_name });
    expect(await on(kind).urlsOf(server_name, revision)).toEqual(['10.0.0.1:50051']);
  });

  test('deregistering takes the instance away and may be repeated', async () => {
    const server_name = 'Db_Leaves';
    const { instance_id, lease_token } = await on(kind).register({ server_name });
    const gone = { server_name, instance_id, lease_token };
    expect(await on(kind).deregister(gone)).toEqual({ success: true });
    expect(await on(kind).deregister(gone)).toEqual({ success: true });
    const read = () => on(kind).lookup({ server_name });
    const found = await eventually(read, ({ endpoints }) => endpoints.length === 0);
    expect(found.not_serving).toEqual([server_name]);
    expect((await refusalOf(on(kind).beat(gone))).reason).toBe('INSTANCE_UNKNOWN');
  });
});

describe.each(STORE_KINDS)('Heartbeat on %s', (kind) => {
  test('changes health, and a server without a serving endpoint is named', async () => {
    const server_name = 'Db_Sick';
    const { instance_id, lease_token } = await on(kind).register({ server_name });
    const server = { server_name, instance_id, lease_token };
    const lookAfter = async (health: Health, request: object = {}) => {
      const [answer] = await on(kind).beat({ ...server, health });
      return on(kind).lookup({ server_name, min_revision: answer?.revision ?? 0, ...request });
    };
    const down = await lookAfter(Health.HEALTH_NOT_SERVING);
    expect(down).toMatchObject({ endpoints: [], not_serving: [server_name], cache_ttl_ms: 1_000 });
    const shown = await lookAfter(Health.HEALTH_NOT_SERVING, { include_unhealthy: true });
    expect(shown.endpoints.map(({ health }) => health)).toEqual([Health.HEALTH_NOT_SERVING]);
    expect((await lookAfter(Health.HEALTH_DRAINING)).endpoints).toEqual([]);
    expect((await lookAfter(Health.HEALTH_SERVING)).endpoints).toHaveLength(1);
  });

  test('is answered once a message, and one that changes nothing writes nothing', async () => {
    const server_name = 'Db_Beats';
    const { instance_id, lease_token, revision } = await on(kind).register({ server_name, ttl_seconds: 15 });
    const message = { server_name, instance_id, lease_token, load_permille: 12 };
    // A token in the first message holds for the ones after it.
    const answers = await on(kind).beat(message, message, { ...message, registration_token: '' });
    expect(answers).toEqual(Array(3).fill({ ttl_seconds: 15, revision }));
  });
});

describe.each(STORE_KINDS)('a stream of heartbeats on %s', (kind) => {
  test('ends when its token expires, and a fresh token may come with any message', async () => {
    const server_name = 'Db_Expires';
    const { instance_id, lease_token } = await on(kind).register({ server_name });
    const message = { server_name, instance_id, lease_token };
    const ttlSeconds = 2;
    const registration_token = await on(kind).tokens.mint({ ttlSeconds });
    const expiresMs = Date.now() + ttlSeconds * 1000;
    const fresh = await on(kind).tokens.mint();
    let answers = 0;
    const refused = await refusalOf(
      (async () => {
        const stream = on(kind).registry.client.bidiStream('Heartbeat', messages());
        for await (const _ of stream) answers += 1;
      })(),
    );
    expect([refused.reason, answers]).toEqual(['TOKEN_EXPIRED', 3]);

    async function* messages() {
      yield { ...message, registration_token };
      await eventually(Date.now, (nowMs) => nowMs >= expiresMs);
      yield { ...message, registration_token: fresh };
      yield message;
      yield { ...message, registration_token };
      yield message;
    }
  });

  test('tells measured latency, which moves an endpoint back; a server cannot praise itself', async () => {
    const tags = { group: 'latency' };
    const registration_token = await on(kind).tokens.mint({ sub: 'shop.other' });
    await on(kind).register({ server_name: 'Db_Fast', tags });
    const slow = await on(kind).register({ server_name: 'Db_Slow', tags });
    const reporter = await on(kind).register({ server_name: 'Db_Reporter', registration_token });
    const { instance_id, lease_token } = reporter;
    const observed_latency_ms = { Db_Fast: 20, Db_Slow: 900, Db_Unknown: 1 };
    const report = { server_name: 'Db_Reporter', instance_id, lease_token, registration_token, observed_latency_ms };
    const own = { server_name: 'Db_Slow', instance_id: slow.instance_id, lease_token: slow.lease_token };
    const sees = await on(kind).lookup({ tag_selector: tags, min_revision: reporter.revision });
    expect(sees.endpoints.map(({ latency_ms }) => latency_ms)).toEqual([0, 0]);
    await on(kind).beat(report);
    await on(kind).beat({ ...own, observed_latency_ms: { Db_Slow: 1 } });
    for (let i = 0; i < 10; i += 1) {
      const { endpoints } = await on(kind).lookup({ tag_selector: tags });
      const order = endpoints.map(({ server_name, latency_ms }) => [server_name, latency_ms]);
      expect(order).toEqual([
        ['Db_Fast', 20],
        ['Db_Slow', 900],
      ]);
    }
  });
});

test.concurrent.each(STORE_KINDS)(
  'on %s an instance that stops beating is gone within its TTL and 5 s; one that beats lives on',
  async (kind) => {
    const startedMs = performance.now();
    await on(kind).register({ server_name: 'Db_Dies', ttl_seconds: 10 });
    const server_name = 'Db_Lives';
    const { instance_id, lease_token, revision } = await on(kind).register({ server_name, ttl_seconds: 10 });
    expect(await on(kind).urlsOf('Db_Dies', revision)).toHaveLength(1);
    const beatAndLook = async () => {
      await on(kind).beat({ server_name, instance_id, lease_token });
      return on(kind).urlsOf('Db_Dies');
    };
    await eventually(beatAndLook, (urls) => urls.length === 0, { timeoutMs: 16_000, intervalMs: 500 });
    const livedMs = performance.now() - startedMs;
    expect(livedMs).toBeGreaterThan(9_000);
    expect(livedMs).toBeLessThan(15_000);
    expect(await on(kind).urlsOf(server_name)).toHaveLength(1);
  },
);
