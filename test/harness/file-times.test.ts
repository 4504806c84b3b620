import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../cluster/run-command.ts';

const ROOT = join(import.meta.dirname, '../..');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');

test('two runs add the seconds of their files to one file, whatever reporter they were asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-file-times-'));
  const file = join(folder, 'times');
  const env = { PATH: process.env.PATH, HOME: folder, MCP2_TEST_FILE_TIMES: file };
  for (const [reporter, name] of [
    ['default', 'test/architecture/source-text.test.ts'],
    ['verbose', 'test/architecture/size.test.ts'],
  ] as const) {
    const args = [VITEST, 'run', '--root', ROOT, '--project', 'unit', '--reporter', reporter, name];
    await runCommand(process.execPath, args, { cwd: ROOT, env });
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  rmSync(folder, { recursive: true });
  expect(lines).toEqual([
    expect.stringMatching(/^\d+\.\d unit test\/architecture\/source-text\.test\.ts$/),
    expect.stringMatching(/^\d+\.\d unit test\/architecture\/size\.test\.ts$/),
    '',
  ]);
});
