/** `mcp2 up` on a full disk, killed in the middle of writing, and on a store whose files were damaged. */
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { mintToken } from '#lib/token/mint.ts';
import { importSigningKey } from '#lib/token/signing-key.ts';
import type { DiscoveryDefinition } from '#protos/generated/mcp2/Discovery.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, type Standalone } from '../harness/mcp2-command.ts';
import { refusalOf } from '../harness/registry-fixture.ts';
import { SmallDisk } from '../harness/small-disk.ts';

const IS_FULL = process.env.MCP2_TEST_FULL !== undefined;
const KILLS = IS_FULL ? 50 : 5;
const DISK_BYTES = 16 * 1024 * 1024;
const CAPABILITY = 'db:inventory:read';

interface Calls {
  register(serverName: string): Promise<unknown>;
  /** Names of the servers that are found. */
  lookUp(serverName: string): Promise<string[]>;
}

async function callsTo(up: Standalone): Promise<Calls> {
  const signingKey = await importSigningKey(JSON.parse(readFileSync(join(up.state, 'key.jwk'), 'utf8')));
  const claims = { iss: 'mcp2:local', sub: 'shop.db', aud: ['RegistryServer', 'Db_*'], ttlSeconds: 3600 };
  const capabilities = ['registry:register:*', 'registry:provide:*', 'registry:lookup', CAPABILITY];
  const token = await mintToken(signingKey, { ...claims, capabilities }, { clock: systemClock });
  const options = { clock: systemClock, credentials: plaintextClient() };
  const client: ServiceClient<DiscoveryDefinition> = createClient(
    loadServices().Discovery,
    `127.0.0.1:${up.port}`,
    options,
  );
  onTestFinished(() => client.close());
  const usual = { capabilities: [CAPABILITY], registration_token: token, grpc_url: '10.0.0.1:50051', ttl_seconds: 300 };
  return {
    register: (server_name) => client.call('Register', { ...usual, server_name }),
    async lookUp(server_name) {
      const request = { capability_filter: [CAPABILITY], requester_token: token, server_name };
      const { endpoints } = await client.call('Lookup', request);
      return endpoints.map((endpoint) => endpoint.server_name);
    },
  };
}

test('on a full disk Register is refused with the reason, Lookup goes on, and a freed disk heals it', async () => {
  const disk = new SmallDisk(DISK_BYTES);
  onTestFinished(() => disk[Symbol.dispose]());
  await using up = await createStandalone();
  symlinkSync(disk.path, up.state);
  await up.start();
  const calls = await callsTo(up);
  await calls.register('Db_Kept');
  disk.fill();
  for (const name of ['Db_A', 'Db_B', 'Db_C']) {
    const { reason, message } = await refusalOf(calls.register(name));
    expect({ reason, message }).toEqual({ reason: 'STORE_UNAVAILABLE', message: expect.stringMatching(/ is full/) });
  }
  expect(await calls.lookUp('Db_Kept')).toEqual(['Db_Kept']);
  disk.free();
  await calls.register('Db_A');
  await eventually(
    () => calls.lookUp('Db_A'),
    (found) => found.length === 1,
  );
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
});

test(`killed ${KILLS} times in the middle of registering, it finds everything that was acknowledged`, {
  timeout: KILLS * 20_000,
}, async () => {
  await using up = await createStandalone();
  const acknowledged: string[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    await up.start();
    const calls = await callsTo(up);
    for (const name of acknowledged.slice(-20)) expect(await calls.lookUp(name)).toEqual([name]);
    const killed = registerUntilFailed(calls, kill, acknowledged);
    await eventually(
      () => acknowledged.filter((name) => name.startsWith(`Db_${kill}_`)),
      (names) => names.length > 5 + (kill % 20),
      { intervalMs: 5 },
    );
    await up.kill();
    await killed;
  }
  await up.start();
  const { lookUp } = await callsTo(up);
  for (const name of acknowledged) expect(await lookUp(name)).toEqual([name]);
});

/** Eight at a time, until the registry is gone. */
async function registerUntilFailed({ register }: Calls, run: number, acknowledged: string[]): Promise<void> {
  const registerOn = async (lane: number): Promise<void> => {
    for (let i = 0; ; i++) {
      const name = `Db_${run}_${lane}_${i}`;
      await register(name);
      acknowledged.push(name);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: 8 }, (_, lane) => registerOn(lane)));
  for (const lane of lanes) expect(lane).toMatchObject({ status: 'rejected', reason: expect.any(CallError) });
}

test('with a flipped byte in its database it serves what was acknowledged, or is refused with the file', async () => {
  await using up = await createStandalone();
  await up.start();
  const { register } = await callsTo(up);
  const names = Array.from({ length: 50 }, (_, i) => `Db_${i}`);
  await Promise.all(names.map((name) => register(name)));
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
  const [store, backup] = [join(up.state, 'store'), join(up.files, '..', 'backup')];
  cpSync(store, backup, { recursive: true });
  for (const place of [0.05, 0.2, 0.4, 0.6, 0.8]) {
    rmSync(store, { recursive: true });
    cpSync(backup, store, { recursive: true });
    flipByte(join(store, 'store.sqlite'), place);
    try {
      await up.start();
    } catch (error) {
      expect(String(error)).toMatch(/store\.sqlite is damaged or cut short \(.+\): put a backup of/);
      continue;
    }
    const { lookUp } = await callsTo(up);
    for (const name of names) expect(await lookUp(name)).toEqual([name]);
    await up.interrupt();
  }
});

function flipByte(path: string, place: number): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length * place);
  bytes.writeUInt8((bytes[at] ?? 0) ^ 0x10, at);
  writeFileSync(path, bytes);
}
