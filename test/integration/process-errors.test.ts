/** How each process ends on an error that nobody foresaw: with its stack, so that somebody can mend it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Every process reads this setting; here reading it is what breaks. */
const BREAK = `process.env = new Proxy(process.env, {
  get(env, name) {
    if (name === 'MCP2_LOG_LEVEL') throw new TypeError('broken on purpose', { cause: new RangeError('deeper') });
    return env[name];
  },
});`;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[]): Promise<Ended> {
  const preload = `data:text/javascript,${encodeURIComponent(BREAK)}`;
  return new Promise((resolve) => {
    const options = { env: {}, timeout: 30_000 };
    execFile(process.execPath, ['--import', preload, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test.each([
  ['registry', ['services/registry/main.ts']],
  ['sample', ['services/sample/main.ts']],
  ['operator', ['operator/main.ts']],
  ['setup', ['operator/setup/main.ts', 'prepare']],
  ['check', ['operator/check/main.ts']],
  ['etcd', ['operator/etcd/main.ts', 'prune']],
])('%s prints the stack of an error that it did not expect, and why it came', async (name, [file = '', ...args]) => {
  const { code, stdout, stderr } = await run([join(ROOT, file), ...args]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^mcp2 ${name}: TypeError: broken on purpose\n    at `));
  expect(stderr).toMatch(/config\.ts:\d+/);
  expect(stderr).toContain('caused by RangeError: deeper\n    at ');
});
