import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '#lib/config/env-reader.ts';
import { readConfig } from './config.ts';

const FILE = import.meta.filename;
const REQUIRED = {
  MCP2_JWKS_FILE: FILE,
  MCP2_ISSUER: 'mcp2:local',
  MCP2_ETCD_ENDPOINTS: 'https://etcd-0:2379, https://etcd-1:2379',
};

function problemsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('three settings are enough', () => {
  expect(readConfig(REQUIRED)).toEqual({
    listen: '0.0.0.0:50050',
    opsListen: undefined,
    prefix: '/mcp2/v1/',
    trust: { issuer: 'mcp2:local', jwksFile: FILE, jwksUrl: undefined, developmentSecret: undefined },
    tls: undefined,
    rules: {
      endpoints: { allowLoopback: false, allowedSuffixes: [], allowedCidrs: [] },
      defaultTtlSeconds: 30,
    },
    staleness: { readIntervalMs: 5_000, staleAfterMs: 15_000, watchSilenceMs: 30_000 },
    collector: { intervalMs: 600_000, collectAfterMs: 86_400_000 },
    store: { kind: 'etcd', endpoints: ['https://etcd-0:2379', 'https://etcd-1:2379'], tls: undefined },
    logLevel: 'info',
  });
});

test('suffixes are compared without dots around them and in lower case', () => {
  const { rules } = readConfig({ ...REQUIRED, MCP2_REGISTRY_ALLOWED_SUFFIXES: '.Svc.Cluster.Local., example.com' });
  expect(rules.endpoints.allowedSuffixes).toEqual(['svc.cluster.local', 'example.com']);
});

test.each<[string, Record<string, string>, string]>([
  ['an address without a port', { MCP2_LISTEN: '50050' }, 'MCP2_LISTEN'],
  ['an ops address without a port', { MCP2_OPS_LISTEN: 'ops' }, 'MCP2_OPS_LISTEN'],
  ['a prefix that is none', { MCP2_STORE_PREFIX: 'mcp2' }, 'MCP2_STORE_PREFIX'],
  ['two stores', { MCP2_REGISTRY_STORE_DIR: '/data' }, 'MCP2_REGISTRY_STORE_DIR'],
  ['no store', { MCP2_ETCD_ENDPOINTS: '' }, 'MCP2_ETCD_ENDPOINTS'],
  ['two sources of keys', { MCP2_JWKS_URL: 'https://a/jwks.json' }, 'MCP2_JWKS_URL'],
  ['keys of nobody', { MCP2_ISSUER: '' }, 'MCP2_ISSUER'],
  ['no way to verify a token', { MCP2_ISSUER: '', MCP2_JWKS_FILE: '' }, 'no token could be verified'],
  ['a key file that does not exist', { MCP2_JWKS_FILE: '/nowhere' }, 'MCP2_JWKS_FILE'],
  ['a certificate without its key', { MCP2_TLS_CERT_FILE: FILE }, 'MCP2_TLS_KEY_FILE'],
  ['a client CA without a certificate', { MCP2_TLS_CLIENT_CA_FILE: FILE }, 'MCP2_TLS_CERT_FILE'],
  ['an etcd certificate without its CA', etcdCertificate(), 'MCP2_ETCD_CA_FILE'],
  ['an etcd certificate without its key', { MCP2_ETCD_CA_FILE: FILE, MCP2_ETCD_CERT_FILE: FILE }, 'MCP2_ETCD_KEY_FILE'],
  ['a network that is none', { MCP2_REGISTRY_ALLOWED_CIDRS: '10.0.0.0' }, 'MCP2_REGISTRY_ALLOWED_CIDRS'],
  ['a yes that is none', { MCP2_REGISTRY_ALLOW_LOOPBACK: 'yes' }, 'MCP2_REGISTRY_ALLOW_LOOPBACK'],
  ['a TTL of 5 s', { MCP2_REGISTRY_DEFAULT_TTL_SECONDS: '5' }, 'MCP2_REGISTRY_DEFAULT_TTL_SECONDS'],
  ['stale before the second read', { MCP2_REGISTRY_STALE_AFTER: '5s' }, 'MCP2_REGISTRY_STALE_AFTER'],
  ['an HS256 secret without its switch', { MCP2_HS256_SECRET_FILE: FILE }, 'MCP2_DEV_HS256=1'],
  ['the HS256 switch without a secret', { MCP2_DEV_HS256: '1' }, 'MCP2_HS256_SECRET_FILE'],
  ['a log level that is none', { MCP2_LOG_LEVEL: 'loud' }, 'MCP2_LOG_LEVEL'],
])('%s is one problem that names the variable', (_title, env, name) => {
  const problems = problemsOf({ ...REQUIRED, ...env });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(name);
});

test('an HS256 secret of 31 bytes is too short, whatever line end follows it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-registry-'));
  const file = join(folder, 'secret');
  writeFileSync(file, `${'s'.repeat(31)}\n`);
  const env = { ...REQUIRED, MCP2_DEV_HS256: '1', MCP2_HS256_SECRET_FILE: file };
  expect(problemsOf(env)).toEqual(['MCP2_HS256_SECRET_FILE must hold at least 32 bytes']);
  rmSync(folder, { recursive: true });
});

test('an HS256 secret is read without its line end', () => {
  const env = { ...REQUIRED, MCP2_DEV_HS256: '1', MCP2_HS256_SECRET_FILE: FILE };
  const secret = readConfig(env).trust.developmentSecret;
  expect(Buffer.from(secret ?? []).toString('latin1')).toBe(readFileSync(FILE, 'latin1').trimEnd());
});

function etcdCertificate(): Record<string, string> {
  return { MCP2_ETCD_CERT_FILE: FILE, MCP2_ETCD_KEY_FILE: FILE };
}
