/** Files that options and settings name: what is no regular file, or has no end, is one sentence at once. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import { runMcp2 } from '../harness/mcp2-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp2-options-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  execFileSync('mkfifo', [path('pipe')]);
  symlinkSync('/dev/zero', path('endless'));
  mkdirSync(path('folder'));
  writeFileSync(path('large'), Buffer.alloc(8 * 1024 * 1024, 'a'));
  const { privateJwk, publicJwks } = await generateSigningKey();
  writeFileSync(path('key.jwk'), JSON.stringify(privateJwk));
  writeFileSync(path('jwks.json'), JSON.stringify(publicJwks));
  symlinkSync(path('key.jwk'), path('link'));
});

const LOOKUP = ['lookup', 'db:a:read', '--address', '127.0.0.1:1'];
const MINT = ['token', 'mint', '--aud', 'A', '--capability', 'db:a:read'];
const TOKEN = 'eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJpc3MiOiJtY3AyOmxvY2FsIn0.AA';

const OPTIONS: Readonly<Record<string, (file: string) => readonly string[]>> = {
  '--token-file': (file) => [...LOOKUP, '--token-file', file],
  '--ca': (file) => [...LOOKUP, '--token-file', path('key.jwk'), '--ca', file],
  '--key': (file) => [...MINT, '--key', file],
  '--jwks': (file) => ['token', 'inspect', TOKEN, '--jwks', file],
  '--kubeconfig': (file) => [...MINT, '--from-secret', 'a/b', '--kubeconfig', file],
  '--file': (file) => ['publish', 'a:b', '--file', file, '--token-file', path('key.jwk'), '--address', '127.0.0.1:1'],
  validate: (file) => ['validate', file],
};
const FILES = { pipe: /a pipe/, endless: /a device/, folder: /a folder|EISDIR|no \*\.yaml/, large: /larger than/ };
const CASES = Object.keys(OPTIONS).flatMap((option) =>
  Object.entries(FILES).map(([file, sentence]) => ({ option, file, sentence })),
);

test.each(CASES)('$option with $file', async ({ option, file, sentence }) => {
  const startMs = performance.now();
  const { code, stdout, stderr } = await runMcp2(OPTIONS[option]?.(path(file)) ?? [], {
    state: folder,
    timeoutMs: 10_000,
  });
  expect({ code: code === 0 ? 'passes' : code === null ? 'hangs' : 'fails', stdout }).toEqual({
    code: 'fails',
    stdout: '',
  });
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toMatch(/unexpected error|\n {4}at /);
  expect(performance.now() - startMs).toBeLessThan(10_000);
});

test('a link to a regular file is one: mounted Secrets are links', async () => {
  const { code, stdout } = await runMcp2(OPTIONS['--key']?.(path('link')) ?? [], { state: folder });
  expect({ code, isToken: stdout.startsWith('ey') }).toEqual({ code: 0, isToken: true });
});

test.each([
  ['the answer of a command', [...MINT, '--key', path('key.jwk')]],
  ['a help text', ['--help']],
  ['a version', ['--version']],
  ['a list', ['get', 'servers', '-o', 'json']],
])('%s that cannot be written is one sentence and a failure', (_title, args) => {
  const command = [process.execPath, join(import.meta.dirname, '../../cli/mcp2.mjs'), ...args];
  const script = `${command.map((word) => `'${word}'`).join(' ')} > /dev/full; echo "code $?" >&2`;
  const said = execFileSync('sh', ['-c', `{ ${script}; } 2>&1`], {
    env: { PATH: process.env.PATH, HOME: folder, MCP2_STATE: folder },
    encoding: 'utf8',
  });
  expect(said).toMatch(/error: the answer could not be written to stdout: there is no space left/);
  expect(said).toContain('code 1');
});
