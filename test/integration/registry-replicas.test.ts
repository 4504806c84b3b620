/** Several replicas of the registry on one etcd. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { RegistryCalls } from '../harness/registry-calls.ts';
import { createTokens, refusalOf, startRegistry, startStore, type TestStore } from '../harness/registry-fixture.ts';

let store: TestStore;
let a: RegistryCalls;
let b: RegistryCalls;

beforeAll(async () => {
  store = await startStore('etcd');
  const tokens = await createTokens();
  const replica = async () => {
    const registry = await startRegistry({ store: store.connect(), tokens });
    await registry.running.ready;
    return new RegistryCalls(registry, tokens);
  };
  [a, b] = [await replica(), await replica()];
});
afterAll(async () => {
  await a.registry[Symbol.asyncDispose]();
  await b.registry[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

test('what is registered on one is found on the other at the revision of the write', async () => {
  for (let i = 0; i < 50; i += 1) {
    const server_name = `Db_Seen${i}`;
    const { revision } = await a.register({ server_name });
    expect(await b.urlsOf(server_name, revision)).toEqual(['10.0.0.1:50051']);
  }
});

test('the revision of an answer of one is reached by the other', async () => {
  const { revision } = await a.lookup({});
  await expect(b.lookup({ min_revision: revision })).resolves.toBeDefined();
});

test('a heartbeat and a Deregister may go to another replica than the Register, at once', async () => {
  for (let i = 0; i < 20; i += 1) {
    const server_name = `Db_Roams${i % 3}`;
    const { instance_id, lease_token } = await a.register({ server_name });
    const instance = { server_name, instance_id, lease_token };
    expect(await b.beat(instance)).toHaveLength(1);
    await b.deregister(instance);
    expect((await refusalOf(a.beat(instance))).reason).toBe('INSTANCE_UNKNOWN');
  }
});

test('of two subjects that claim one name at the same moment exactly one gets it', async () => {
  const tokens = await Promise.all(['one.db', 'two.db'].map((sub) => a.tokens.mint({ sub })));
  for (let i = 0; i < 20; i += 1) {
    const server_name = `Db_Contested${i}`;
    const claims = [a, b].map((replica, side) =>
      replica.register({ server_name, registration_token: tokens[side] ?? '', grpc_url: `10.0.0.${side}:1` }),
    );
    const settled = await Promise.allSettled(claims);
    const lost = settled.filter(({ status }) => status === 'rejected');
    expect(lost).toHaveLength(1);
    expect(lost[0]).toMatchObject({ reason: { reason: 'NAME_TAKEN' } });
    const winner = settled.findIndex(({ status }) => status === 'fulfilled');
    const read = () => b.urlsOf(server_name);
    await eventually(read, (urls) => urls.length === 1 && urls[0] === `10.0.0.${winner}:1`);
  }
});

test('a replica that starts later knows what was registered before', async () => {
  const { revision } = await a.register({ server_name: 'Db_Early' });
  await using late = await startRegistry({ store: store.connect(), tokens: a.tokens });
  await late.running.ready;
  const calls = new RegistryCalls(late, a.tokens);
  expect(await calls.urlsOf('Db_Early', revision)).toHaveLength(1);
});
