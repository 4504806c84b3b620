/** `mcp2 token mint --out FILE --keep`: a file that always holds a token which is still good. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import { eventually } from '../harness/eventually.ts';
import { LAUNCHER, runMcp2 } from '../harness/mcp2-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp2-keep-'));
const keyFile = join(folder, 'own.jwk');
const rights = ['--key', keyFile, '--issuer', 'mcp2:own', '--aud', 'Stock', '--capability', 'db:stock:read'];
const mint = (...args: readonly string[]) =>
  runMcp2(['token', 'mint', ...rights, ...args], { state: folder, cwd: folder });

beforeAll(async () => {
  const { privateJwk } = await generateSigningKey('EdDSA');
  writeFileSync(keyFile, JSON.stringify(privateJwk));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('--out writes the token into a file of this user alone, and nothing to stdout', async () => {
  const file = join(folder, 'once.jwt');
  writeFileSync(file, 'what was there', { mode: 0o644 });
  expect(await mint('--out', 'once.jwt')).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(decodeJwt(readFileSync(file, 'utf8').trim())).toMatchObject({ aud: ['Stock'] });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('--keep needs a file, and a folder that is not there is a sentence', async () => {
  const { code, stderr } = await mint('--keep');
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('--out FILE') });
  expect(await mint('--out', 'nowhere/a.jwt', '--keep')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'error: nowhere/a.jwt cannot be written: there is no such folder\n',
  });
});

test('--keep renews the token until Ctrl-C, says once that it cannot, and goes on when it can again', async () => {
  const [tokens, away] = [join(folder, 'tokens'), join(folder, 'away')];
  mkdirSync(tokens);
  const file = join(tokens, 'kept.jwt');
  const read = () => readFileSync(file, 'utf8').trim();
  const args = ['token', 'mint', ...rights, '--ttl', '2s', '--out', file, '--keep'];
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: { PATH: process.env.PATH, HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = text(child.stdout);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const exited = once(child, 'close');
  try {
    const first = await eventually(read, (token) => token !== '');
    const second = await eventually(read, (token) => token !== first);
    expect(decodeJwt(second).exp).toBeGreaterThan(decodeJwt(first).exp ?? 0);
    renameSync(tokens, away);
    const last = readFileSync(join(away, 'kept.jwt'), 'utf8').trim();
    await eventually(
      () => stderr,
      (said) => said.includes('trying again'),
    );
    renameSync(away, tokens);
    await eventually(read, (token) => token !== last);
    await eventually(
      () => stderr,
      (said) => said.includes('fresh token again'),
    );
  } finally {
    child.kill('SIGINT');
  }
  expect(await exited).toEqual([0, null]);
  expect(await printed).toBe('');
  expect(stderr).toMatch(/kept\.jwt holds a token, and a fresh one every 1s\. Ctrl-C ends that\.\n/);
  expect(stderr.match(/no fresh token: .* there is no such folder; trying again\n/g)).toHaveLength(1);
  expect(stderr).toMatch(/holds a fresh token again\.\nStopped\. The token in .* is good until 20\d\d-.*Z\.\n$/);
  expect(stderr).not.toMatch(/eyJ/);
});
