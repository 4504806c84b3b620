import { expect, test } from 'vitest';
import { ConfigError } from '#lib/config/env-reader.ts';
import { readOperatorConfig } from './config.ts';

const FILE = import.meta.filename;
const REQUIRED = {
  MCP2_ETCD_ENDPOINTS: 'http://etcd:2379',
  MCP2_SIGNING_KEY_FILE: FILE,
  MCP2_ISSUER: 'mcp2:one',
};

function problemsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readOperatorConfig({ ...REQUIRED, ...env });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('three settings are enough', () => {
  const { installationId, storePrefix, leaseDurationMs } = readOperatorConfig(REQUIRED);
  expect({ installationId, storePrefix, leaseDurationMs }).toEqual({
    installationId: undefined,
    storePrefix: '/mcp2/v1/',
    leaseDurationMs: 15_000,
  });
});

test.each(['one', 'eu-1.prod_A', '6f9619ff-8b86-d011-b42d-00c04fc964ff', 'b'.repeat(128)])(
  'an installation may be called %s',
  (id) => {
    expect(readOperatorConfig({ ...REQUIRED, MCP2_OPERATOR_INSTALLATION_ID: id }).installationId).toBe(id);
  },
);

test.each(['eu/prod', 'a b', 'ä', 'a:b', 'b'.repeat(129)])(
  'an installation that is called "%s" is refused with what is allowed',
  (id) => {
    expect(problemsOf({ MCP2_OPERATOR_INSTALLATION_ID: id })).toEqual([
      'MCP2_OPERATOR_INSTALLATION_ID must be 1 to 128 of A-Z a-z 0-9 _ . @ = + ~ -',
    ]);
  },
);

test('namespaces are a list without repetitions, and none means all', () => {
  const namespacesOf = (text: string) => readOperatorConfig({ ...REQUIRED, MCP2_OPERATOR_NAMESPACES: text }).namespaces;
  expect(namespacesOf('')).toEqual([]);
  expect(namespacesOf('shop, billing,shop')).toEqual(['shop', 'billing']);
});

const MANY = Array.from({ length: 33 }, (_, number) => `n${number}`).join(',');

test.each<[string, Record<string, string>, string]>([
  ['a prefix that is no path', { MCP2_STORE_PREFIX: 'mcp2' }, 'MCP2_STORE_PREFIX must look like'],
  ['a client certificate without its key', { MCP2_CLIENT_CERT_FILE: FILE }, 'must be set together'],
  ['a lease that is not longer than its deadline', { MCP2_OPERATOR_LEASE_DURATION: '10s' }, 'must be longer than'],
  ['a namespace that cannot be', { MCP2_OPERATOR_NAMESPACES: 'shop,Shop_2' }, '"Shop_2" cannot be the name'],
  ['33 namespaces', { MCP2_OPERATOR_NAMESPACES: MANY }, 'at most 32'],
  ['a deadline without time to retry', { MCP2_OPERATOR_RETRY_PERIOD: '9s' }, '1.2 times MCP2_OPERATOR_RETRY_PERIOD'],
])('%s is a problem', (_title, env, sentence) => {
  expect(problemsOf(env)).toEqual([expect.stringContaining(sentence)]);
});
