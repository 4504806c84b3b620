/** How each process ends on an error that nobody foresaw: with its stack, so that somebody can mend it. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createWorkspace } from '../harness/processes.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Every process reads this setting; here reading it is what breaks. */
const BREAK = `process.env = new Proxy(process.env, {
  get(env, name) {
    if (name === 'MCP2_LOG_LEVEL') throw new TypeError('broken on purpose', { cause: new RangeError('deeper') });
    return env[name];
  },
});`;
const PRELOAD = `data:text/javascript,${encodeURIComponent(BREAK)}`;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env, timeout: 30_000 };
    execFile(process.execPath, [...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test.each([
  ['registry', ['services/registry/main.ts']],
  ['context-tool', ['services/context-tool/main.ts']],
  ['operator', ['operator/main.ts']],
  ['setup', ['operator/setup/main.ts', 'prepare']],
  ['check', ['operator/check/main.ts']],
  ['etcd', ['operator/etcd/main.ts', 'prune']],
])('%s prints the stack of an error that it did not expect, and why it came', async (name, [file = '', ...args]) => {
  const { code, stdout, stderr } = await run(['--import', PRELOAD, join(ROOT, file), ...args]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^mcp2 ${name}: TypeError: broken on purpose\n    at `));
  expect(stderr).toMatch(/config\.ts:\d+/);
  expect(stderr).toContain('caused by RangeError: deeper\n    at ');
});

test('a signing key that the check cannot read is refused without being shown', async () => {
  const { folder } = createWorkspace('check');
  const file = join(folder, 'key.jwk');
  writeFileSync(file, 'private-key-text');
  const { code, stderr } = await run([join(ROOT, 'operator/check/main.ts')], {
    MCP2_CHECK_REGISTRY: '127.0.0.1:1',
    MCP2_CA_FILE: file,
    MCP2_SIGNING_KEY_FILE: file,
    MCP2_ISSUER: 'mcp2:test',
    POD_NAMESPACE: 'default',
    MCP2_CHECK_NAME: 'test',
    MCP2_CHECK_SERVER_NAME: 'Test',
    MCP2_CHECK_TLS_SERVER_NAME: 'test',
  });
  expect(code).toBe(1);
  expect(stderr).toContain('MCP2_SIGNING_KEY_FILE cannot be used: it is no JSON');
  expect(stderr).not.toContain('private');
});
