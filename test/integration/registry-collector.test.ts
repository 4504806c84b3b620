/** Names without instances are freed, and never under a server that comes back. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { createKeys } from '#lib/store/keys.ts';
import { Collector } from '../../services/registry/collector.ts';
import { RegistrationTable } from '../../services/registry/registration-table.ts';
import { eventually } from '../harness/eventually.ts';
import { RegistryCalls } from '../harness/registry-calls.ts';
import { createTokens, STORE_KINDS, startRegistry, startStore, type TestStore } from '../harness/registry-fixture.ts';

const DAY_MS = 86_400_000;
const keys = createKeys();

/** A collector with a clock of its own, on what the store holds at each round. */
function collectorOn({ store }: TestStore) {
  const clock = new ManualClock();
  const index = { table: new RegistrationTable(keys) };
  const staleness = { isStale: false };
  const settings = { intervalMs: 600_000, collectAfterMs: DAY_MS };
  const log = pino({ level: 'silent' });
  const collector = new Collector({ store, keys, index, staleness, clock, log, settings });
  return {
    staleness,
    async collectAfter(ms: number) {
      clock.jump(ms);
      await this.load();
      await collector.collect();
    },
    async load() {
      index.table = new RegistrationTable(keys);
      for (const entry of (await store.list(keys.root)).entries) index.table.put(entry);
    },
    /** A round on the last load, while the store goes on. */
    async collectBlindlyAfter(ms: number) {
      clock.jump(ms);
      await collector.collect();
    },
  };
}

test.each(STORE_KINDS)('on %s a name is freed a day after its last instance, and not before', async (kind) => {
  await using store = await startStore(kind);
  const tokens = await createTokens();
  await using registry = await startRegistry({ store: store.store, tokens });
  const calls = new RegistryCalls(registry, tokens);
  const server_name = 'Db_Gone';
  const instance = await calls.register({ server_name, ttl_seconds: 300 });
  const collector = collectorOn(store);
  const isFree = async () => (await store.store.get(keys.server(server_name))).entry === undefined;

  await collector.collectAfter(0);
  await collector.collectAfter(2 * DAY_MS);
  expect(await isFree()).toBe(false);
  await calls.deregister({ server_name, instance_id: instance.instance_id, lease_token: instance.lease_token });
  await collector.collectAfter(0);
  await collector.collectAfter(DAY_MS - 1);
  expect(await isFree()).toBe(false);
  collector.staleness.isStale = true;
  await collector.collectAfter(1);
  expect(await isFree()).toBe(false);
  collector.staleness.isStale = false;
  await collector.collectAfter(0);
  expect(await isFree()).toBe(true);
});

test.each(STORE_KINDS)('on %s a server that comes back at the last moment keeps its name', async (kind) => {
  await using store = await startStore(kind);
  const tokens = await createTokens();
  await using registry = await startRegistry({ store: store.store, tokens });
  const calls = new RegistryCalls(registry, tokens);
  const server_name = 'Db_Back';
  const { instance_id, lease_token } = await calls.register({ server_name });
  await calls.deregister({ server_name, instance_id, lease_token });
  const collector = collectorOn(store);
  await collector.collectAfter(0);
  const { revision } = await calls.register({ server_name });
  await collector.collectBlindlyAfter(DAY_MS);
  expect(await calls.urlsOf(server_name, revision)).toHaveLength(1);
});

test('the running registry collects by itself', async () => {
  await using store = await startStore('embedded');
  const tokens = await createTokens();
  const config = { collector: { intervalMs: 50, collectAfterMs: 200 } };
  await using registry = await startRegistry({ store: store.store, tokens, config });
  await registry.running.ready;
  const calls = new RegistryCalls(registry, tokens);
  const { instance_id, lease_token } = await calls.register({ server_name: 'Db_Short' });
  const owner = await tokens.mint({ sub: 'shop.other' });
  await calls.deregister({ server_name: 'Db_Short', instance_id, lease_token });
  await eventually(
    () => calls.register({ server_name: 'Db_Short', registration_token: owner }),
    ({ success }) => success,
  );
});
