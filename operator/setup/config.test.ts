import { expect, test } from 'vitest';
import { readSetupConfig } from './config.ts';

const ENOUGH = { MCP2_SETUP_NAME: 'mcp2', POD_NAMESPACE: 'mcp2-system' };

test('a name and a namespace are enough to prepare', () => {
  const config = readSetupConfig('prepare', ENOUGH);
  expect(config).toMatchObject({
    task: 'prepare',
    tlsMode: 'selfSigned',
    registry: 'mcp2-registry.mcp2-system.svc:50050',
    caSecret: 'mcp2-registry-tls',
    certificateDurationMs: 90 * 24 * 3_600_000,
    renewBeforeMs: 30 * 24 * 3_600_000,
  });
});

test.each<[string, string | undefined, Record<string, string>, string]>([
  ['no task', undefined, {}, 'the first argument must be prepare, store, rotate, uninstall'],
  ['an unknown task', 'install', {}, 'the first argument must be'],
  ['no name', 'prepare', { MCP2_SETUP_NAME: '' }, 'MCP2_SETUP_NAME is required'],
  ['a name that is no name', 'prepare', { MCP2_SETUP_NAME: 'A/B' }, 'MCP2_SETUP_NAME must hold names'],
  ['no namespace', 'prepare', { POD_NAMESPACE: '' }, 'POD_NAMESPACE is required'],
  ['plaintext', 'prepare', { MCP2_SETUP_TLS_MODE: 'disabled' }, 'MCP2_SETUP_TLS_MODE must be selfSigned or'],
  ['a domain with a comma', 'prepare', { MCP2_SETUP_CLUSTER_DOMAIN: 'a,DNS:b' }, 'MCP2_SETUP_CLUSTER_DOMAIN must'],
  ['an address without a port', 'prepare', { MCP2_SETUP_EVENT_BUS: 'bus' }, 'MCP2_SETUP_EVENT_BUS must'],
  ['renewal before issue', 'prepare', { MCP2_SETUP_RENEW_BEFORE: '2160h' }, 'must be shorter than'],
  ['a bundled store without a certificate', 'store', { MCP2_SETUP_BUNDLED_ETCD: 'true' }, 'store needs MCP2_ETCD_'],
  [
    'an installation id with a slash',
    'store',
    { MCP2_SETUP_INSTALLATION_ID: 'a/b' },
    'MCP2_SETUP_INSTALLATION_ID must',
  ],
  [
    'a right that is none',
    'store',
    { MCP2_SETUP_STORE_RIGHTS: 'registry' },
    '"registry" must look like registry:write:',
  ],
  ['a prefix that is none', 'store', { MCP2_STORE_PREFIX: 'mcp2' }, 'MCP2_STORE_PREFIX must look like'],
])('%s is refused', (_title, task, env, sentence) => {
  expect(() => readSetupConfig(task, { ...ENOUGH, ...env })).toThrow(sentence);
});
