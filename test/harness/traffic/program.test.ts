/** The traffic program beside processes of the product, over TLS: what it reports must be what happened. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { tlsClient } from '#lib/grpc/credentials.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../eventually.ts';
import { createCertificateAuthority } from '../pki.ts';
import { freePorts } from '../ports.ts';
import { createWorkspace, ManagedProcess, type Workspace } from '../processes.ts';
import { createTokens } from '../registry-fixture.ts';
import type { TrafficSettings } from './program.ts';
import type { TrafficReport } from './record.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NAME = 'InventoryDB_Primary';

test('a registry that is killed and started again fails no Lookup; one that stays away is told as such', async () => {
  const { registry, inventory, traffic, report, register } = await createProcesses(createWorkspace('traffic'));
  await using stack = new AsyncDisposableStack();
  for (const one of [registry, inventory, traffic]) stack.use(one);
  await Promise.all([registry.start(), inventory.start()]);
  await register();
  await traffic.start();

  const fromMs = Date.now();
  await registry.kill();
  await registry.start();
  const afterKill = await eventually(
    () => report(fromMs),
    ({ lookups, calls }) => lookups.count > 20 && calls.count > 20,
  );
  expect(afterKill.lookups).toMatchObject({ failed: 0, empty: 0 });
  expect(afterKill.calls.failed).toBe(0);
  expect(afterKill.lookups.longestGapMs).toBeGreaterThan(100);

  const awayMs = Date.now();
  await registry.kill();
  const away = await eventually(
    () => report(awayMs),
    ({ lookups }) => lookups.failed > 0,
    { timeoutMs: 20_000 },
  );
  expect(away.lookups.outcomes).toMatchObject({ DEADLINE_EXCEEDED: expect.any(Number) });
  expect(away.calls.failed).toBe(0);
});

async function createProcesses(workspace: Workspace) {
  const { folder } = workspace;
  const authority = await createCertificateAuthority(join(folder, 'pki'));
  const { certificateFile, keyFile } = await authority.issue({ commonName: 'server' });
  const tokens = await createTokens();
  const token = await tokens.mint({ aud: ['RegistryServer', NAME], ttlSeconds: 600 });
  writeFileSync(join(folder, 'token'), token);
  const [registryPort = 0, registryOps = 0, inventoryPort = 0, inventoryOps = 0, port = 0] = await freePorts(5);
  const shared = {
    MCP2_ISSUER: 'mcp2:test',
    MCP2_JWKS_FILE: tokens.jwksFile,
    MCP2_TLS_CERT_FILE: certificateFile,
    MCP2_TLS_KEY_FILE: keyFile,
    PATH: process.env.PATH,
  };
  const start = (name: string, { ports, env }: { ports: readonly [number, number]; env: Record<string, string> }) =>
    new ManagedProcess(
      {
        name: name.replaceAll('/', '-'),
        command: process.execPath,
        args: [join(ROOT, `services/${name}/main.ts`)],
        env: { ...shared, MCP2_LISTEN: `127.0.0.1:${ports[0]}`, MCP2_OPS_LISTEN: `127.0.0.1:${ports[1]}`, ...env },
        ready: async () => (await fetch(`http://127.0.0.1:${ports[1]}/readyz`)).ok,
      },
      workspace,
    );
  const settings: TrafficSettings = {
    registry: `localhost:${registryPort}`,
    caFile: authority.certificateFile,
    tokenFile: join(folder, 'token'),
    capability: 'db:inventory:read',
    serverName: NAME,
    contextKey: 'inventory:prod_12345:stock_count',
    ...{ agents: 3, pauseMs: 20, port },
  };
  const at = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  return {
    registry: start('registry', {
      ports: [registryPort, registryOps],
      env: { MCP2_REGISTRY_STORE_DIR: join(folder, 'store'), MCP2_REGISTRY_ALLOW_LOOPBACK: 'true' },
    }),
    inventory: start('context-tool/sample', {
      ports: [inventoryPort, inventoryOps],
      env: { MCP2_SAMPLE_SERVER_NAME: NAME, TMPDIR: folder },
    }),
    traffic: new ManagedProcess(
      {
        name: 'traffic',
        command: process.execPath,
        args: [join(import.meta.dirname, 'program.ts'), JSON.stringify(settings)],
        ready: async () => (await at('/ready')).ok,
      },
      workspace,
    ),
    report: async (fromMs: number) => (await at(`/report?from=${fromMs}`)).json() as Promise<TrafficReport>,
    register: () => register(settings, { token, grpc_url: `localhost:${inventoryPort}` }),
  };
}

async function register(
  { registry, caFile }: TrafficSettings,
  { token, grpc_url }: { readonly token: string; readonly grpc_url: string },
): Promise<void> {
  const tls = await tlsClient(
    { caFile },
    { clock: systemClock, log: createLogger({ service: 'test', level: 'silent' }) },
  );
  const client = createClient(loadServices().Discovery, registry, tls);
  const request = { server_name: NAME, capabilities: ['db:inventory:read'], grpc_url, ttl_seconds: 300 };
  await client.call('Register', { ...request, registration_token: token });
  client.close();
  tls.close();
}
