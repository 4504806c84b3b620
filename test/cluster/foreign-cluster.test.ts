import { expect, test } from 'vitest';
import { readAccess } from './foreign-cluster.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const config = (user: object) =>
  JSON.stringify({
    clusters: [{ cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': base64('authority') } }],
    users: [{ user }],
  });

test.each([
  ['a token', { token: 'secret' }, { token: 'secret' }],
  [
    'a client certificate',
    { 'client-certificate-data': base64('certificate'), 'client-key-data': base64('key') },
    { certificate: 'certificate', key: 'key' },
  ],
])('a kubeconfig with %s is read', (_title, user, credentials) => {
  expect(readAccess(config(user))).toEqual({ url: 'https://127.0.0.1:6443', authority: 'authority', credentials });
});

test('a kubeconfig that logs in by a program has no credentials to read', () => {
  expect(readAccess(config({ exec: { command: 'aws' } }))).toBeUndefined();
});
