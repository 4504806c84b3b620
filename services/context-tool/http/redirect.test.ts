import { expect, test } from 'vitest';
import { isRedirect, nextHop } from './redirect.ts';

const from = { url: new URL('http://a.example/x/y?q=1'), isOwn: true };

test.each([
  ['a path', '/z', 'http://a.example/z', true],
  ['a relative path', 'z', 'http://a.example/x/z', true],
  ['a query', '?r=2', 'http://a.example/x/y?r=2', true],
  ['a fragment, which is not sent', '/z#part', 'http://a.example/z', true],
  ['the default port spelled out', 'http://a.example:80/z', 'http://a.example/z', true],
  ['another port', 'http://a.example:81/z', 'http://a.example:81/z', false],
  ['another host', 'http://b.example/', 'http://b.example/', false],
  ['another host without a scheme', '//b.example/', 'http://b.example/', false],
  ['https', 'https://a.example/', 'https://a.example/', false],
])('a redirect to %s is followed', (_title, location, url, isOwn) => {
  const next = nextHop(from, location);
  expect(next).toMatchObject({ isOwn });
  expect(Object(next).url.href).toBe(url);
});

test('what left its origin once is not its own any more when it comes back', () => {
  const next = nextHop({ url: new URL('http://b.example/'), isOwn: false }, 'http://b.example/z');
  expect(next).toMatchObject({ isOwn: false });
});

test.each([
  ['from https to http', 'https://a.example/', 'http://a.example/'],
  ['to another scheme', 'http://a.example/', 'javascript:alert(1)'],
  ['with a password', 'http://a.example/', 'http://u:p@b.example/'],
  ['to what is no URL', 'http://a.example/', 'http://[x'],
  ['nowhere', 'http://a.example/', undefined],
])('a redirect %s is refused', (_title, url, location) => {
  expect(nextHop({ url: new URL(url), isOwn: true }, location)).toEqual(expect.any(String));
});

test('only GET and HEAD are sent on, and only by the five statuses', () => {
  const statuses = [300, 301, 302, 303, 304, 305, 306, 307, 308, 309, 200];
  expect(statuses.filter((status) => isRedirect(status, 'GET'))).toEqual([301, 302, 303, 307, 308]);
  expect(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => isRedirect(302, method))).toEqual([
    ...['GET', 'HEAD'],
  ]);
});
