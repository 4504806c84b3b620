/** The registry as a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient, tlsClient } from '#lib/grpc/credentials.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { loadServices } from '#protos/load.ts';
import { type Etcd, startEtcd } from '../harness/etcd.ts';
import { createCertificateAuthority } from '../harness/pki.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';
import { createTokens, ISSUER } from '../harness/registry-fixture.ts';

const MAIN = join(import.meta.dirname, '../../services/registry/main.ts');
const { Discovery } = loadServices();
let etcd: Etcd;

beforeAll(async () => {
  etcd = await startEtcd({ tls: true });
});
afterAll(() => etcd[Symbol.asyncDispose]());

async function startProcess(settings: Readonly<Record<string, string>>) {
  const [port, opsPort] = await freePorts(2);
  const tokens = await createTokens();
  const env = {
    MCP2_LISTEN: `127.0.0.1:${port}`,
    MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}`,
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_FILE: tokens.jwksFile,
    ...settings,
  };
  const ready = async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok;
  const registry = new ManagedProcess({ name: 'registry', command: process.execPath, args: [MAIN], env, ready });
  await registry.start();
  return { registry, port, opsPort, tokens };
}

test('it serves over mTLS from an etcd with TLS, counts, and ends in order on SIGTERM without a token in its log', async () => {
  const authority = await createCertificateAuthority(createWorkspace('registry-pki').folder);
  const ofServer = await authority.issue({ commonName: 'registry' });
  const ofClient = await authority.issue({ commonName: 'client' });
  const { registry, port, opsPort, tokens } = await startProcess({
    MCP2_ETCD_ENDPOINTS: etcd.urls.join(','),
    MCP2_ETCD_CA_FILE: etcd.tls?.authority.certificateFile ?? '',
    MCP2_ETCD_CERT_FILE: etcd.tls?.root.certificateFile ?? '',
    MCP2_ETCD_KEY_FILE: etcd.tls?.root.keyFile ?? '',
    MCP2_TLS_CERT_FILE: ofServer.certificateFile,
    MCP2_TLS_KEY_FILE: ofServer.keyFile,
    MCP2_TLS_CLIENT_CA_FILE: authority.certificateFile,
    MCP2_LOG_LEVEL: 'debug',
  });
  await using running = registry;
  const files = { caFile: authority.certificateFile, ...ofClient };
  const tls = await tlsClient(files, { clock: systemClock, log: createLogger({ service: 'test', level: 'silent' }) });
  const client = createClient(Discovery, `localhost:${port}`, tls);
  const token = await tokens.mint();
  const declared = { server_name: 'Db_Process', capabilities: ['db:inventory:read'], grpc_url: '10.0.0.1:1' };
  const registered = await client.call('Register', { ...declared, registration_token: token });
  const request = { requester_token: token, capability_filter: ['db:inventory:read'] };
  const found = await client.call('Lookup', { ...request, min_revision: registered.revision });
  expect(found.endpoints).toHaveLength(1);
  client.close();
  tls.close();

  const metrics = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
  for (const line of [
    'mcp2_registry_servers{service="registry"} 1',
    'mcp2_registry_endpoints{service="registry"} 1',
    'mcp2_registry_registrations_total{result="ok",service="registry"} 1',
    'mcp2_registry_lookups_total{found="some",service="registry"} 1',
  ]) {
    expect(metrics).toContain(line);
  }
  expect(await running.stop()).toEqual({ code: 0, signal: null });
  const log = await running.log();
  expect(log).not.toContain(token);
  expect(log).not.toContain(registered.lease_token.toString('base64'));
});

test('on a folder it finds after a restart what was registered before, and a second process is told why it may not', async () => {
  const folder = createWorkspace('registry-store').folder;
  const { registry, port, tokens } = await startProcess({ MCP2_REGISTRY_STORE_DIR: folder });
  await using running = registry;
  const client = createClient(Discovery, `127.0.0.1:${port}`, { credentials: plaintextClient() });
  const token = await tokens.mint();
  const declared = { server_name: 'Db_Folder', capabilities: ['db:inventory:read'], grpc_url: '10.0.0.1:1' };
  await client.call('Register', { ...declared, registration_token: token, ttl_seconds: 300 });

  const second = await endOf({ ...required(tokens.jwksFile), MCP2_REGISTRY_STORE_DIR: folder });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain('mcp2 registry:');
  expect(second.stderr).not.toContain('    at ');

  await running.restart();
  const request = { requester_token: token, capability_filter: ['db:inventory:read'] };
  const found = await client.call('Lookup', request, { waitForReady: true });
  expect(found.endpoints.map(({ server_name }) => server_name)).toEqual(['Db_Folder']);
  client.close();
});

test('a port in use, a wrong configuration and unusable keys each end it with a sentence and no stack', async () => {
  const tokens = await createTokens();
  const settings = { ...required(tokens.jwksFile), MCP2_REGISTRY_STORE_DIR: createWorkspace('registry-store').folder };
  const busy = await endOf({ ...settings, MCP2_LISTEN: `127.0.0.1:${etcd.port}` });
  expect(busy).toMatchObject({ code: 1, stderr: expect.stringContaining('the port is in use') });
  const wrong = await endOf({ MCP2_LISTEN: 'nowhere' });
  expect(wrong.code).toBe(1);
  for (const name of ['MCP2_LISTEN', 'MCP2_ISSUER', 'MCP2_REGISTRY_STORE_DIR']) {
    expect(wrong.stderr).toContain(name);
  }
  const keys = await endOf({ ...settings, MCP2_JWKS_FILE: import.meta.filename, MCP2_LOG_LEVEL: 'silent' });
  expect(keys).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('MCP2_JWKS_FILE cannot be used: the key set'),
  });
  for (const { stderr } of [busy, wrong, keys]) expect(stderr).not.toContain('    at ');
});

test.each([
  ['no URL', 'jwks.json?token=secret'],
  ['not https', 'http://secret@example.com/jwks.json'],
])('a key URL that is %s ends it with a sentence that does not show it', async (_title, url) => {
  const { code, stderr } = await endOf({
    MCP2_LISTEN: '127.0.0.1:0',
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_URL: url,
    MCP2_REGISTRY_STORE_DIR: createWorkspace('registry-store').folder,
  });
  expect(code).toBe(1);
  expect(stderr).toContain('MCP2_JWKS_URL cannot be used: the key URL');
  expect(stderr).not.toContain('secret');
  expect(stderr).not.toContain('    at ');
});

function required(jwksFile: string): Record<string, string> {
  return { MCP2_LISTEN: '127.0.0.1:0', MCP2_ISSUER: ISSUER, MCP2_JWKS_FILE: jwksFile };
}

/** How the process ends that was started with these settings. */
async function endOf(env: Readonly<Record<string, string>>): Promise<{ code: number; stderr: string }> {
  const options = { env, timeout: 20_000 };
  const ended = await promisify(execFile)(process.execPath, [MAIN], options).catch((error: unknown) => error);
  return ended as { code: number; stderr: string };
}
