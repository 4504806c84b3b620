import { expect, test } from 'vitest';
import { readCheckConfig } from './config.ts';

test('everything that is missing is said at once', () => {
  expect(() => readCheckConfig({ MCP2_CHECK_TIMEOUT: 'soon' })).toThrow(
    /MCP2_CHECK_REGISTRY[\s\S]*MCP2_CA_FILE[\s\S]*MCP2_ISSUER[\s\S]*MCP2_CHECK_SERVER_NAME[\s\S]*MCP2_CHECK_TIMEOUT/,
  );
});
