import { expect, test } from 'vitest';
import { readSampleConfig } from './config.ts';

const REQUIRED = { MCP2_ISSUER: 'mcp2:test', MCP2_JWKS_FILE: import.meta.filename };

test('pods of former charts need no configuration, and listen where they did', () => {
  const { serverName, listen } = readSampleConfig(REQUIRED);
  expect({ serverName, listen }).toEqual({ serverName: 'InventoryDB_Primary', listen: '0.0.0.0:50061' });
  expect(readSampleConfig({ ...REQUIRED, MCP2_SAMPLE_SERVER_NAME: 'StockDB' }).serverName).toBe('StockDB');
});

test.each(['a b', 'RegistryServer', ''.padEnd(64, 'x')])('the name %j is refused', (name) => {
  expect(() => readSampleConfig({ ...REQUIRED, MCP2_SAMPLE_SERVER_NAME: name })).toThrow(
    'MCP2_SAMPLE_SERVER_NAME must be a server name',
  );
});

test('every problem is reported at once', () => {
  const env = { MCP2_SAMPLE_SERVER_NAME: 'RegistryServer', MCP2_LOG_LEVEL: 'loud' };
  expect(() => readSampleConfig(env)).toThrow(
    /MCP2_SAMPLE_SERVER_NAME[\s\S]*MCP2_ISSUER|MCP2_ISSUER[\s\S]*MCP2_SAMPLE/,
  );
});
