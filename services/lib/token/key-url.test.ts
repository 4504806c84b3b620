import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createKeyUrlSource } from './key-url.ts';

test.each([
  ['plain http', 'http://issuer.example/jwks.json', /must be https/],
  ['plain http that only begins like loopback', 'http://localhost.example/jwks.json', /must be https/],
  ['plain http that only begins like an address', 'http://127.0.0.1.example/jwks.json', /must be https/],
  ['plain http with loopback as user name', 'http://127.0.0.1@issuer.example/jwks.json', /must be https/],
  ['a file', 'file:///etc/passwd', /must be https/],
  ['a data URL', 'data:application/json,{}', /must be https/],
  ['a user name', 'https://user@issuer.example/jwks.json', /neither user name/],
  ['a fragment', 'https://issuer.example/jwks.json#a', /neither user name/],
  ['no URL', 'issuer.example/jwks.json', /is not a URL/],
])('%s is refused when the source is made', (_title, url, message) => {
  expect(() => createKeyUrlSource({ url, clock: systemClock, fetch, allowLoopbackHttp: true })).toThrow(message);
});

test('http on a loopback address needs the development flag', () => {
  const url = 'http://127.0.0.1:1/jwks.json';
  expect(() => createKeyUrlSource({ url, clock: systemClock, fetch })).toThrow(/must be https/);
  expect(() => createKeyUrlSource({ url, clock: systemClock, fetch, allowLoopbackHttp: true })).not.toThrow();
});

test('https needs none', () => {
  const url = 'https://issuer.example/jwks.json';
  expect(() => createKeyUrlSource({ url, clock: systemClock, fetch })).not.toThrow();
});
