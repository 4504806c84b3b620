import { expect, test } from 'vitest';
import type { SecretReference } from '../config/runtime-config.ts';
import { parseHeaders } from './header-template.ts';

const noSecret = () => {
  throw new Error('no secret here');
};

test.each([
  ['a constant', 'text/plain', {}, 'text/plain'],
  ['a value', '{a}', { a: 'x' }, 'x'],
  ['a value inside of a text', 'v={a}; w={b}', { a: 1, b: [2] }, 'v=1; w=[2]'],
  ['braces that are no placeholder', '{"a": {}}', {}, '{"a": {}}'],
  ['spaces', '{a}', { a: ' a b ' }, ' a b '],
  ['an empty value', '{a}', { a: '' }, ''],
  ['a placeholder in a value', '{a}', { a: '{b}', b: 'x' }, '{b}'],
  ['text beyond ASCII as UTF-8', '{a}', { a: 'é' }, '\u00c3\u00a9'],
])('%s: %s', async (_title, template, values, expected) => {
  const headers = parseHeaders({ 'X-Test': template });
  expect(headers.problems).toEqual([]);
  expect(await headers.fill(values, noSecret)).toEqual({ 'x-test': expected });
});

test('a header that is nothing but an absent name is left out', async () => {
  const headers = parseHeaders({ a: '{a}', b: 'b' });
  expect(await headers.fill({}, noSecret)).toEqual({ b: 'b' });
});

test.each([
  ['a line break', 'a\r\nHost: evil.example'],
  ['a line feed', 'a\nb'],
  ['a carriage return', 'a\rb'],
  ['a NUL', 'a\0b'],
  ['a tab', 'a\tb'],
  ['DEL', 'a\u007f'],
  ['a control character beyond ASCII', 'a\u0085b'],
  ['half of a character', '\ud800'],
  ['more than 8 KiB', 'é'.repeat(4_097)],
])('a value with %s is refused', async (_title, value) => {
  for (const template of ['{a}', 'x {a}']) {
    const filled = parseHeaders({ h: template }).fill({ a: value }, noSecret);
    await expect(filled).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID', metadata: { path: '/a' } });
  }
});

test('an absent name in a longer text is refused', async () => {
  const filled = parseHeaders({ h: 'x {a}' }).fill({}, noSecret);
  await expect(filled).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID', metadata: { path: '/a' } });
});

test.each([
  ...['Connection', 'keep-alive', 'Proxy-Authorization', 'TE', 'Transfer-Encoding', 'upgrade', 'Host'],
  ...['Content-Length', 'Expect', 'Accept-Encoding', 'If-None-Match', 'Range'],
  ...['x y', 'x:', '', '{name}', 'x-{name}', 'x\r\ny', 'é'],
])('a header "%s" is a problem', (name) => {
  expect(parseHeaders({ [name]: 'x' }).problems).toHaveLength(1);
});

test('the same header in other letters is a problem', () => {
  expect(parseHeaders({ Accept: 'a', accept: 'b' }).problems).toHaveLength(2);
});

test.each([
  ['a line break', { h: 'a\nb' }],
  ['a secret as text', { Authorization: 'Bearer abc' }],
  ['a cookie as text', { cookie: 'a=b' }],
])('%s is a problem, and is not quoted', (_title, headers) => {
  const { problems } = parseHeaders(headers);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).not.toContain('abc');
});

const SECRET: SecretReference = { fromFile: '/etc/secret' };

test.each([
  ['as it is', 'Bearer abc', 'Bearer abc'],
  ['without the line break at its end', 'Bearer abc\n', 'Bearer abc'],
  ['without that of Windows', 'Bearer abc\r\n', 'Bearer abc'],
  ['with braces that are no placeholder', '{a}', '{a}'],
])('a secret is sent %s', async (_title, secret, expected) => {
  const headers = parseHeaders({ authorization: SECRET });
  expect(await headers.fill({ a: 'value' }, async () => secret)).toEqual({ authorization: expected });
});

test.each([
  ['is empty', () => ''],
  ['holds a line break', () => 'hunter2\r\nx: y'],
  ['cannot be read', () => Promise.reject(new Error('ENOENT'))],
])('a secret that %s is an error that does not show it', async (_title, readSecret) => {
  const error: unknown = await parseHeaders({ authorization: SECRET })
    .fill({}, readSecret)
    .catch((failure: unknown) => failure);
  expect(error).toMatchObject({ reason: expect.stringMatching(/^BACKEND_/) });
  expect(`${error} ${Object(error).cause}`).not.toContain('hunter2');
});
