import { expect, test } from 'vitest';
import { ConfigError } from '#lib/config/env-reader.ts';
import { readConfig } from './config.ts';

const REQUIRED = { MCP2_JWKS_FILE: import.meta.filename, MCP2_ISSUER: 'mcp2:local' };

test('two settings are enough', () => {
  expect(readConfig(REQUIRED)).toEqual({
    listen: '0.0.0.0:50061',
    opsListen: undefined,
    serverName: 'InventoryDB_Primary',
    trust: {
      issuer: 'mcp2:local',
      jwksFile: import.meta.filename,
      jwksUrl: undefined,
      developmentSecret: undefined,
    },
    tls: undefined,
    logLevel: 'info',
  });
});

test('every problem is reported at once', () => {
  const env = {
    MCP2_LISTEN: '50061',
    MCP2_OPS_LISTEN: 'ops',
    MCP2_SAMPLE_SERVER_NAME: 'RegistryServer',
    MCP2_JWKS_FILE: '/nowhere/jwks.json',
    MCP2_TLS_KEY_FILE: import.meta.filename,
    MCP2_LOG_LEVEL: 'loud',
  };
  const error = caught(() => readConfig(env));
  expect(error).toBeInstanceOf(ConfigError);
  const problems = (error as ConfigError).problems.join('\n');
  for (const name of [...Object.keys(env), 'MCP2_ISSUER']) expect(problems).toContain(name);
});

function caught(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
