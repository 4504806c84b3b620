/** `register()` against a real registry: the lease is kept, over renewals of the token and losses, and given back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CallError } from '#lib/grpc/call-error.ts';
import { silentLogger } from '#lib/logger.ts';
import { createKeys } from '#lib/store/keys.ts';
import { createServer, type Mcp2Server, tokenFile } from '#sdk/server/index.ts';
import { eventually } from '../harness/eventually.ts';
import { createWorkspace } from '../harness/processes.ts';
import {
  createTokens,
  ISSUER,
  startRegistry,
  startStore,
  type TestRegistry,
  type TestStore,
  type TestTokens,
} from '../harness/registry-fixture.ts';

let tokens: TestTokens;
let store: TestStore;
let registry: TestRegistry;
let folder: string;

beforeAll(async () => {
  tokens = await createTokens();
  store = await startStore('embedded');
  // The shortest lease there can be: a loss is seen soon.
  registry = await startRegistry({ store: store.store, tokens, env: { MCP2_REGISTRY_DEFAULT_TTL_SECONDS: '10' } });
  ({ folder } = createWorkspace('register'));
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

function make(name: string): Mcp2Server {
  const ambient = { env: {}, homeFolder: folder, uid: undefined };
  const trust = { issuer: ISSUER, jwksFile: tokens.jwksFile };
  return createServer({ name, version: '1.0.0', trust, log: silentLogger, services: registry.services, ambient })
    .context('inventory:{sku}', {}, () => 1)
    .tool('feed', {}, () => ({}));
}

async function found(server_name: string) {
  const requester_token = await tokens.mint({ capabilities: ['registry:lookup'] });
  const capability_filter = ['db:inventory:read'];
  const { endpoints } = await registry.client.call('Lookup', { requester_token, capability_filter, server_name });
  return endpoints;
}

test('a server makes itself known with its capabilities and address, and takes itself away when it closes', async () => {
  const server = make('Db_Known');
  await expect(server.register({ registry: registry.target })).rejects.toThrow(/listen\(\) comes first/);
  const { port } = await server.listen('127.0.0.1:0');
  await server.register({ registry: registry.target, token: await tokens.mint(), tags: { tier: 'gold' } });
  const [endpoint] = await eventually(
    () => found('Db_Known'),
    (endpoints) => endpoints.length === 1,
  );
  expect(endpoint).toMatchObject({
    grpc_url: `127.0.0.1:${port}`,
    capabilities: ['context:read:inventory:*', 'db:inventory:read', 'tool:feed'],
    tags: { tier: 'gold' },
    version: '1.0.0',
  });
  await expect(server.register({ registry: registry.target, token: 'x' })).rejects.toThrow(/registers already/);
  await server.close();
  await eventually(
    () => found('Db_Known'),
    (endpoints) => endpoints.length === 0,
  );
});

test("a name that is another subject's is said, with its owner, and not tried again", async () => {
  const owner = make('Db_Taken');
  await owner.listen('127.0.0.1:0');
  await owner.register({ registry: registry.target, token: await tokens.mint() });
  const other = make('Db_Taken');
  await other.listen('127.0.0.1:0');
  const error = await other
    .register({ registry: registry.target, token: await tokens.mint({ sub: 'shop.other' }) })
    .catch((caught: CallError) => caught);
  expect(error).toMatchObject({ reason: 'NAME_TAKEN' });
  await Promise.all([owner.close(), other.close()]);
});

test.each([
  ['CAPABILITY_DENIED', () => tokens.mint({ capabilities: ['db:inventory:read'] })],
  ['AUDIENCE_MISMATCH', () => tokens.mint({ aud: ['Db_Refused'] })],
  ['TOKEN_EXPIRED', () => tokens.mint({ ttlSeconds: 60 }, { nowMs: Date.now() - 61_000 })],
] as const)('a refusal is said at once: %s', async (reason, token) => {
  const server = make('Db_Refused');
  await server.listen('127.0.0.1:0');
  const options = { registry: registry.target, token: await token() };
  await expect(server.register(options)).rejects.toMatchObject({ reason });
  await server.close();
});

test('what is not known about the way to the registry is said', async () => {
  const server = make('Db_Unsaid');
  await server.listen('127.0.0.1:0');
  await expect(server.register()).rejects.toThrow(/no registry is known/);
  await expect(server.register({ registry: registry.target })).rejects.toThrow(/there is no token/);
  const far = { registry: 'registry.example:50050', token: 'x' };
  await expect(server.register(far)).rejects.toThrow(/another machine/);
  await expect(server.register({ ...far, plaintext: true })).rejects.toThrow(/set the option advertise, or POD_IP/);
  await expect(server.register({ ...far, plaintext: true, advertise: 'a b' })).rejects.toThrow(/no host/);
  await server.close();
});

test('the lease outlives the token that made it, since each beat has the one in the file now', async () => {
  const file = join(folder, 'token');
  const renew = async () => writeFileSync(file, await tokens.mint({ ttlSeconds: 8 }));
  await renew();
  const server = make('Db_Renewed');
  await server.listen('127.0.0.1:0');
  await server.register({ registry: registry.target, token: tokenFile(file) });
  const startedMs = performance.now();
  const timer = setInterval(() => void renew(), 2_000);
  try {
    // Longer than the lease of 10 s and than two lives of a token.
    await eventually(
      async () => ({ known: (await found('Db_Renewed')).length, ms: performance.now() - startedMs }),
      ({ known, ms }) => known !== 1 || ms > 17_000,
      { timeoutMs: 30_000 },
    );
    expect(await found('Db_Renewed')).toHaveLength(1);
  } finally {
    clearInterval(timer);
    await server.close();
  }
});

test('an instance that was taken away registers again, and a registry that was away is waited for', async () => {
  const server = make('Db_Again');
  await server.listen('127.0.0.1:0');
  const token = await tokens.mint();
  // A registry that is not there yet: the port of one that has ended.
  const early = await startRegistry({ store: store.store, tokens, env: { MCP2_REGISTRY_DEFAULT_TTL_SECONDS: '10' } });
  const port = early.running.port;
  await early[Symbol.asyncDispose]();
  const registered = server.register({ registry: `127.0.0.1:${port}`, token });
  await using later = await startRegistry({
    store: store.store,
    tokens,
    env: { MCP2_REGISTRY_DEFAULT_TTL_SECONDS: '10', MCP2_LISTEN: `127.0.0.1:${port}` },
  });
  await registered;
  const [first] = await eventually(
    () => found('Db_Again'),
    (endpoints) => endpoints.length === 1,
  );
  const { entries } = await store.store.list(createKeys().instancesOf('Db_Again'));
  await store.store.revokeLease(entries[0]?.leaseId ?? '');
  const [second] = await eventually(
    () => found('Db_Again'),
    ([endpoint]) => endpoint !== undefined && endpoint.instance_id !== first?.instance_id,
  );
  expect(second?.grpc_url).toBe(first?.grpc_url);
  expect(later.running.port).toBe(port);
  await server.close();
});

test('a process that listens stays alive, and ends when its server was closed', async () => {
  const token = join(folder, 'process-token');
  writeFileSync(token, await tokens.mint());
  for (const register of [undefined, registry.target]) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'server/ten-lines.mjs')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        MCP2_ISSUER: ISSUER,
        MCP2_JWKS_FILE: tokens.jwksFile,
        MCP2_LOG_LEVEL: 'silent',
        MCP2_TOKEN_FILE: token,
        OPS: '127.0.0.1:0',
        ...(register === undefined ? {} : { REGISTER: register }),
      },
    });
    try {
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += String(chunk);
      });
      await eventually(
        () => output,
        (text) => text.includes('ready'),
        { timeoutMs: 20_000 },
      );
      if (register !== undefined)
        await eventually(
          () => found('Db_TenLines'),
          (endpoints) => endpoints.length === 1,
        );
      expect(child.exitCode).toBeNull();
      const exited = once(child, 'exit');
      child.stdin.end();
      expect(await exited).toEqual([0, null]);
      expect(await found('Db_TenLines')).toEqual([]);
    } finally {
      child.kill('SIGKILL');
    }
  }
}, 60_000);
