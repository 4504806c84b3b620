import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createSecrets, MAX_SECRET_BYTES, SecretMissing } from './secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp2-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

function inFile(content: string | Buffer): { readonly fromFile: string } {
  const fromFile = join(folder, 'url');
  writeFileSync(fromFile, content);
  return { fromFile };
}

test.each([
  ['as it is', 'postgres://u:p@db', 'postgres://u:p@db'],
  ['without the newline of an editor', 'secret\n', 'secret'],
  ['without that of another system', 'secret\r\n', 'secret'],
  ['with its spaces', ' secret ', ' secret '],
])('a secret in a file is read %s', (_title, content, secret) => {
  expect(createSecrets({}).read(inFile(content))).toBe(secret);
});

test('a secret in a variable is read, and a file is read anew each time', () => {
  const secrets = createSecrets({ URL: 'postgres://db' });
  expect(secrets.read({ fromEnv: 'URL' })).toBe('postgres://db');
  expect(secrets.read(inFile('one'))).toBe('one');
  expect(secrets.read(inFile('two'))).toBe('two');
});

test.each([
  ['nothing', '', 'is empty; write the secret into it'],
  ['a newline alone', '\n', 'is empty; write the secret into it'],
  ['two lines', 'a\nb', 'holds a line break or another control character inside the secret; take it out'],
  [
    'two newlines at the end',
    'a\n\n',
    'holds a line break or another control character inside the secret; take it out',
  ],
  ['bytes that are no text', Buffer.from([0xff, 0xfe]), 'holds no text in UTF-8'],
  ['too much', 'x'.repeat(MAX_SECRET_BYTES + 1), 'cannot be read: it is larger than 64 KiB'],
])('a file that holds %s is a sentence with the file and nothing of its content', (_title, content, why) => {
  const reference = inFile(content);
  const problem = `the secret file "${reference.fromFile}" ${why}`;
  expect(createSecrets({}).problemOf(reference)).toBe(problem);
  expect(() => createSecrets({}).read(reference)).toThrow(new SecretMissing(problem));
});

test.each([
  [
    'a file that is not there',
    { fromFile: '/nowhere/url' },
    /^the secret file "\/nowhere\/url" cannot be read: there is no such file$/,
  ],
  ['a folder', { fromFile: tmpdir() }, /cannot be read: it is a folder$/],
  ['a device', { fromFile: '/dev/zero' }, /cannot be read: it is a device, not a regular file$/],
  [
    'a variable that is not set',
    { fromEnv: 'NO_URL' },
    /^the environment variable NO_URL is not set; it holds a secret$/,
  ],
  ['a variable that only every object has', { fromEnv: 'constructor' }, /constructor is not set/],
  ['a variable that is set to nothing', { fromEnv: 'EMPTY' }, /^the environment variable EMPTY is empty/],
])('%s is a sentence', (_title, reference, sentence) => {
  expect(createSecrets({ EMPTY: '' }).problemOf(reference)).toMatch(sentence);
});
