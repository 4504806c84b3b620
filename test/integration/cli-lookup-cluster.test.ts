/**
 * `mcp2 lookup` as in a pod with the trust ConfigMap mounted, and through a port-forward: nothing of `mcp2 up` is near.
 * Certificates are as the setup job makes them, while one authority follows another.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { issueAuthority, issueCertificate } from '../../operator/setup/issue-certificate.ts';
import { runMcp2 } from '../harness/mcp2-command.ts';
import { createWorkspace } from '../harness/processes.ts';
import { RegistryCalls } from '../harness/registry-calls.ts';
import {
  createTokens,
  startRegistry,
  startStore,
  type TestRegistry,
  type TestStore,
} from '../harness/registry-fixture.ts';

const NAME = 'mcp2-registry.mcp2-system.svc';
const { folder } = createWorkspace('cli-cluster');
const [tokenFile, caFile, strangerFile] = [join(folder, 'token'), join(folder, 'ca.crt'), join(folder, 'stranger.crt')];

let store: TestStore;
let registry: TestRegistry;
let token: string;
let localhost: string;

beforeAll(async () => {
  const tokens = await createTokens();
  store = await startStore('embedded');
  const tls = await makeCertificates();
  registry = await startRegistry({ store: store.store, tokens });
  await new RegistryCalls(registry, tokens).register({ server_name: 'Db_Primary' });
  await registry[Symbol.asyncDispose]();
  registry = await startRegistry({ store: store.store, tokens, env: tls });
  await registry.running.ready;
  localhost = `localhost:${registry.running.port}`;
  token = await tokens.mint();
  writeFileSync(tokenFile, token, { mode: 0o600 });
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
});

const lookup = (args: readonly string[], env: Readonly<Record<string, string>> = {}, input?: string) =>
  runMcp2(['lookup', 'db:inventory:read', ...args], { state: folder, env, ...(input === undefined ? {} : { input }) });
const pod = () => ({ MCP2_REGISTRY_ADDRESS: localhost, MCP2_CA_FILE: caFile });

test('in a pod a token on stdin is all that is needed', async () => {
  const { code, stdout, stderr } = await lookup(['--token-file', '-'], pod(), `${token}\n`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('Db_Primary');
});

test('options go before the environment', async () => {
  const wrong = { MCP2_REGISTRY_ADDRESS: '127.0.0.1:1', MCP2_CA_FILE: '/nowhere' };
  const args = ['--address', localhost, '--ca', caFile, '--token-file', tokenFile];
  expect((await lookup(args, wrong)).stdout).toContain('Db_Primary');
});

test('through a port-forward the name in the certificate is said, and checked', async () => {
  const forward = `127.0.0.1:${registry.running.port}`;
  const args = ['--address', forward, '--ca', caFile, '--token-file', tokenFile];
  expect((await lookup([...args, '--tls-server-name', NAME])).stdout).toContain('Db_Primary');
  for (const other of [[], ['--tls-server-name', 'other.svc']]) {
    const { code, stdout, stderr } = await lookup([...args, ...other]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`no registry answers at ${forward}`);
    expect(stderr).toContain('--tls-server-name');
  }
});

test('a registry of another authority gets no token', async () => {
  const env = { ...pod(), MCP2_CA_FILE: strangerFile };
  const { code, stderr } = await lookup(['--token-file', tokenFile], env);
  expect(code).toBe(1);
  expect(stderr).toContain('check the address, and that its certificate is of this CA');
});

test.each<[string, readonly string[], Readonly<Record<string, string>>, string | undefined, number, string]>([
  ['no token at all', [], {}, undefined, 1, 'there is no token: pass one with --token-file FILE'],
  ['an empty stdin', ['--token-file', '-'], {}, '', 2, 'the token is empty'],
  [
    'an address that is none',
    [],
    { MCP2_REGISTRY_ADDRESS: 'registry' },
    undefined,
    2,
    'MCP2_REGISTRY_ADDRESS must be host:port',
  ],
  [
    'a CA file that is not there',
    [],
    { MCP2_CA_FILE: '/nowhere' },
    undefined,
    1,
    'the CA file /nowhere cannot be used',
  ],
  [
    'another machine without a CA',
    [],
    { MCP2_REGISTRY_ADDRESS: 'a.example:1', MCP2_CA_FILE: '' },
    undefined,
    2,
    'MCP2_CA_FILE, or add --plaintext',
  ],
  ['a name without a CA', ['--tls-server-name', 'a'], { MCP2_CA_FILE: '' }, undefined, 2, 'name the CA with --ca FILE'],
])('%s: a sentence', async (_title, args, env, input, exitCode, sentence) => {
  const { code, stdout, stderr } = await lookup(args, { ...pod(), ...env }, input);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).toContain(sentence);
});

async function makeCertificates() {
  const nowMs = Date.now();
  const [signing, next] = [await issueAuthority('mcp2', nowMs), await issueAuthority('mcp2', nowMs)];
  const names = [`DNS:${NAME}`, 'DNS:localhost'];
  const request = { commonName: 'mcp2-registry', names, purposes: ['server'], durationMs: 3_600_000 } as const;
  const { certificate, key } = await issueCertificate(signing, request, nowMs);
  const files = { MCP2_TLS_CERT_FILE: join(folder, 'tls.crt'), MCP2_TLS_KEY_FILE: join(folder, 'tls.key') };
  writeFileSync(files.MCP2_TLS_CERT_FILE, certificate);
  writeFileSync(files.MCP2_TLS_KEY_FILE, key, { mode: 0o600 });
  writeFileSync(caFile, `${next.certificate}${signing.certificate}`);
  writeFileSync(strangerFile, next.certificate);
  return files;
}
