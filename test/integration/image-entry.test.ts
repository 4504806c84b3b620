/** The image's entry point, without a container: which process each first argument starts. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** With no setting at all, so that a process of the control plane ends at once and says which it is. */
function run(file: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { HOME: '/nonexistent' }, cwd: '/', timeout: 30_000 };
    execFile(process.execPath, [join(ROOT, file), ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const entry = (...args: string[]) => run('image/entry.mjs', args);

test.each([
  ['operator', 'MCP2_ISSUER'],
  ['registry', 'MCP2_ISSUER'],
  ['event-bus', 'MCP2_EVENT_BUS_LOG_DIR is required'],
  ['context-tool', 'MCP2_CONTEXT_TOOL_CONFIG is required'],
  ['setup', 'the first argument must be prepare'],
  ['check', 'MCP2_CHECK_REGISTRY'],
  ['etcd', 'the first argument must be join or prune'],
])('"%s" starts that process, which says that it lacks its settings', async (name, problem) => {
  const { code, stdout, stderr } = await entry(name);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^mcp2 ${name}: `));
  expect(stderr).toContain(problem);
});

test('"sample" starts the context-tool', async () => {
  const { code, stderr } = await entry('sample');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^mcp2 context-tool: [\s\S]*MCP2_ISSUER/);
});

test('a task of the setup process is its first argument', async () => {
  const { code, stderr } = await entry('setup', 'prepare');
  expect(code).toBe(1);
  expect(stderr).toContain('MCP2_SETUP_NAME is required');
  expect(stderr).not.toContain('the first argument');
});

test.each([[], ['regsitry'], ['../cli/main'], ['token-mint'], ['constructor'], ['']])(
  'an argument that names nothing (%j) is answered by the list of processes',
  async (...args) => {
    const { code, stdout, stderr } = await entry(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/process \(operator, registry, event-bus, context-tool, sample, setup, check, etcd\)/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  },
);

test('every command of mcp2 is reached, and so are its help and its version', { timeout: 180_000 }, async () => {
  const { stdout } = await entry('--help');
  const commands = [...stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name ?? '');
  expect(commands).toEqual(expect.arrayContaining(['lookup', 'token', 'validate', 'help']));
  for (const command of commands.filter((name) => name !== 'help')) {
    expect(await entry(command, '--help')).toMatchObject({ code: 0, stderr: '' });
  }
  expect(await entry('help', 'lookup')).toMatchObject({ code: 0, stderr: '' });
  expect(await entry('--version')).toMatchObject({ code: 0 });
});

test('arguments after the first are the command’s own, and its exit code is the container’s', async () => {
  const valid = join(ROOT, 'examples/kubernetes/mcp2server-service.yaml');
  expect(await entry('validate', valid)).toMatchObject({ code: 0, stderr: '' });
  const missing = await entry('validate', '/nonexistent.yaml');
  expect(missing.code).not.toBe(0);
  expect(missing.stderr).toContain('/nonexistent.yaml');
});

test('the mcp2 on the image’s PATH is the same command', async () => {
  expect(await run('image/bin/mcp2', ['--version'])).toEqual(await entry('--version'));
});
