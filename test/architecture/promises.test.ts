/** Rule 9: no promise is thrown away. Biome has the rules; here they are shown to hold, and what they take for an answer. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './repository.ts';

const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');

test.each([
  ['a call that is not awaited', 'work();', 'noFloatingPromises'],
  ['one that is only finished', 'work().finally(done);', 'noFloatingPromises'],
  ['one behind void', 'void work();', 'noVoid'],
  ['one behind void in an arrow', 'const go = () => void work();\ngo();', 'noVoid'],
])('%s is refused', (_title, text, rule) => {
  expect(lint(text)).toContain(rule);
});

test.each(['await work();', 'work().catch(done);', 'work().then(done, done);', 'export const kept = work();'])(
  '%s is allowed',
  (text) => {
    expect(lint(text)).not.toMatch(/noFloatingPromises|noVoid/);
  },
);

/** As a file of the product, in a folder of its own. @returns what Biome says about it. */
function lint(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-lint-'));
  try {
    const file = 'services/lib/store/example.ts';
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    const example = `export const done = () => undefined;\nasync function work(): Promise<void> {}\n${text}\n`;
    writeFileSync(join(folder, file), example);
    cpSync(join(ROOT, 'biome.json'), join(folder, 'biome.json'));
    const args = [BIOME, 'lint', '--vcs-enabled=false', file];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(stdout + stderr).toContain('Checked 1 file');
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
