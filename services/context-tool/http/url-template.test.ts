import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseUrlTemplate } from './url-template.ts';

const BASE = 'https://weather.example:8443';

test.each([
  ['a segment', '/v1/{city}', { city: 'Rome' }, '/v1/Rome'],
  ['a part of a segment', '/v1/{city}.json', { city: 'Rome' }, '/v1/Rome.json'],
  ['two in one segment', '/{a}-{b}', { a: 1, b: true }, '/1-true'],
  ['a slash', '/v1/{city}', { city: '../admin' }, '/v1/..%2Fadmin'],
  ['a backslash', '/v1/{city}', { city: '..\\admin' }, '/v1/..%5Cadmin'],
  ['a query of its own', '/v1/{city}', { city: 'Rome?admin=1#x' }, '/v1/Rome%3Fadmin%3D1%23x'],
  ['percent-encoding of its own', '/v1/{city}', { city: '%2e%2e' }, '/v1/%252e%252e'],
  ['a line break', '/v1/{city}', { city: 'a\r\nHost: b' }, '/v1/a%0D%0AHost%3A%20b'],
  ['a NUL', '/v1/{city}', { city: '\0' }, '/v1/%00'],
  ['three dots', '/v1/{city}', { city: '...' }, '/v1/...'],
  ['a space', '/v1/{city}', { city: ' ' }, '/v1/%20'],
  ['an emoji', '/v1/{city}', { city: '🏛' }, '/v1/%F0%9F%8F%9B'],
  ['a placeholder in a value', '/v1/{city}', { city: '{key}', key: 'x' }, '/v1/%7Bkey%7D'],
  ['an object', '/v1?filter={f}', { f: { a: [1, 'x'] } }, '/v1?filter=%7B%22a%22%3A%5B1%2C%22x%22%5D%7D'],
  ['null, which is a value', '/v1?f={f}', { f: null }, '/v1?f=null'],
  ['an empty query value', '/v1?q={q}', { q: '' }, '/v1?q='],
  ['ampersands', '/v1?q={q}&z=1', { q: 'a&z=2;b+c' }, '/v1?q=a%26z%3D2%3Bb%2Bc&z=1'],
  ['quotes', '/v1?q={q}', { q: `'"<>` }, '/v1?q=%27%22%3C%3E'],
  ['an absent name in the query', '/v1?a={a}&b=1&c={c}', { c: 2 }, '/v1?b=1&c=2'],
  ['all of the query absent', '/v1?a={a}', {}, '/v1'],
  ['one of two names of a pair absent', '/v1?at={lat},{lon}&z=1', { lat: 1 }, '/v1?z=1'],
  ['both names of a pair', '/v1?at={lat},{lon}', { lat: 1.5, lon: -2 }, '/v1?at=1.5,-2'],
  ['a name that every object has', '/v1?a={constructor}&b={__proto__}', {}, '/v1'],
  ['a pair without a value', '/v1?flag&a={a}', { a: 1 }, '/v1?flag&a=1'],
  ['no path', '', {}, '/'],
  ['a literal in percent-encoding', '/a%20b/{c}', { c: 'd' }, '/a%20b/d'],
])('%s: %s', (_title, template, values, expected) => {
  const url = parseUrlTemplate(`${BASE}${template}`);
  expect(url.problems).toEqual([]);
  expect(url.fill(values).href).toBe(`${BASE}${expected}`);
});

test.each([
  ['an empty segment', '/v1/{city}/x', { city: '' }, 'city'],
  ['one dot', '/v1/{city}/x', { city: '.' }, 'city'],
  ['two dots', '/v1/{city}/x', { city: '..' }, 'city'],
  ['dots that two values make up', '/v1/%2e{city}', { city: '.' }, 'city'],
  ['a dot that stands before a value', '/v1/.{city}', { city: '.' }, 'city'],
  ['an encoded dot before a value', '/v1/%2E{a}{b}', { a: '', b: '.' }, 'a'],
  ['an absent name in the path', '/v1/{city}', {}, 'city'],
  ['half of a character', '/v1/{city}', { city: 'a\ud800' }, 'city'],
  ['half of a character in the query', '/v1?q={q}', { q: '\udc00' }, 'q'],
  ['half of a character inside of an object', '/v1?q={q}', { q: ['\ud800'] }, undefined],
  ['more than a server takes', '/v1?q={q}', { q: 'x'.repeat(20_000) }, 'q'],
])('%s is refused', (_title, template, values, path) => {
  const fill = () => parseUrlTemplate(`${BASE}${template}`).fill(values);
  // JSON.stringify writes a lone surrogate as an escape, which is harmless.
  if (path === undefined) expect(fill().search).toContain('ud800');
  else expect(fill).toThrow(expect.objectContaining({ reason: 'ARGUMENT_INVALID', metadata: { path: `/${path}` } }));
});

test.each([
  ['a placeholder as scheme', '{scheme}://weather.example/'],
  ['a placeholder as host', 'https://{host}/'],
  ['a placeholder in the host', 'https://{tenant}.weather.example/'],
  ['a placeholder as port', 'https://weather.example:{port}/'],
  ['a placeholder as user', 'https://{user}@weather.example/'],
  ['a password', 'https://user:password@weather.example/'],
  ['a placeholder as name in the query', 'https://weather.example/?{name}=1'],
  ['a placeholder as a whole pair', 'https://weather.example/?{pair}'],
  ['a fragment', 'https://weather.example/#part'],
  ['a placeholder in a fragment', 'https://weather.example/#{part}'],
  ['another scheme', 'ftp://weather.example/'],
  ['a file', 'file:///etc/passwd'],
  ['no scheme', '//weather.example/'],
  ['a path alone', '/v1'],
  ['nothing', ''],
  ['no host', 'https:///v1'],
  ['a host that is none', 'https://we ather.example/'],
  ['a port that is none', 'https://weather.example:99999/'],
  ['a space', 'https://weather.example/a b'],
  ['a line break', 'https://weather.example/a\nb'],
  ['a backslash', 'https://weather.example\\@evil.example/'],
  ['an open brace', 'https://weather.example/{city'],
  ['a name that is none', 'https://weather.example/{city name}'],
  ['an empty name', 'https://weather.example/{}'],
  ['a brace in the query', 'https://weather.example/?q=}'],
  ['the metadata service', 'http://169.254.169.254/latest'],
  ['the metadata service as a number', 'http://2852039166/latest'],
  ['a mapped address', 'http://[::ffff:10.0.0.1]/'],
])('%s is a problem', (_title, text) => {
  const { problems } = parseUrlTemplate(text);
  expect(problems).not.toEqual([]);
  expect(problems.join()).not.toContain('password@');
});

test.each([
  'http://127.0.0.1:8080/',
  'http://localhost/',
  'http://10.0.0.7/',
  'https://[fd12::1]/',
  'HTTPS://Weather.Example',
])('%s is none', (text) => {
  expect(parseUrlTemplate(text).problems).toEqual([]);
});

test('whatever is sent, host, number of segments and names of the query stay, and the value arrives', () => {
  const url = parseUrlTemplate(`${BASE}/v1/{a}/x/{b}.json?q={c}&fixed=1`);
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      fc.pre([a, b].every((value) => value !== '.' && value !== '..'));
      const filled = url.fill({ a, b, c });
      expect(filled.origin).toBe(BASE);
      const segments = filled.pathname.split('/').map(decodeURIComponent);
      expect(segments).toEqual(['', 'v1', a, 'x', `${b}.json`]);
      expect([...filled.searchParams]).toEqual([
        ['q', c],
        ['fixed', '1'],
      ]);
    }),
  );
});
