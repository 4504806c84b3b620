import { expect, test } from 'vitest';
import type { HttpConfig } from '../config/runtime-config.ts';
import { checkTemplate } from './check-template.ts';

const PLACE = { file: 'server.yaml', line: 7, column: 3, path: 'tools[0].http' };
const GOOD: HttpConfig = {
  method: 'POST',
  url: 'https://shop.example/{id}?lang={lang}',
  headers: { accept: 'application/json', authorization: { fromEnv: 'TOKEN' }, 'x-note': '{note}' },
  body: { json: { note: 'for {note}' } },
  timeoutMs: 1_000,
  maxBytes: 1_000,
  place: PLACE,
};

test('a good one has no problems', () => {
  expect(checkTemplate(GOOD, ['id', 'lang', 'note'])).toEqual([]);
});

test('without a schema any name may be used', () => {
  expect(checkTemplate(GOOD, undefined)).toEqual([]);
});

test('every mistake is found at once, each with its place', () => {
  const bad = {
    ...GOOD,
    method: 'GET',
    url: 'https://{host}/{id}',
    headers: { host: 'x' },
    body: { json: '{nothing}' },
  };
  expect(checkTemplate(bad, ['id']).map(({ path, line }) => ({ path, line }))).toEqual([
    { path: 'tools[0].http.method', line: 7 },
    { path: 'tools[0].http.url', line: 7 },
    { path: 'tools[0].http.headers.host', line: 7 },
    { path: 'tools[0].http.body', line: 7 },
  ]);
});

test('a name that is not declared is named, with those that are', () => {
  const [problem, ...others] = checkTemplate(GOOD, ['id', 'lang', 'notes']);
  expect(problem).toMatchObject({ path: 'tools[0].http.headers', message: expect.stringContaining('"{note}"') });
  expect(problem?.message).toContain('"notes"');
  expect(others).toMatchObject([{ path: 'tools[0].http.body' }]);
});

test.each(['CONNECT', 'TRACE', 'OPTIONS', 'get', 'POST /x HTTP/1.1\r\n', ''])(
  'the method "%s" is a problem',
  (method) => {
    expect(checkTemplate({ ...GOOD, method }, undefined)).toMatchObject([{ path: 'tools[0].http.method' }]);
  },
);
