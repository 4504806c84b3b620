import { Agent, fetch } from 'undici';
import { expect, test } from 'vitest';
import { type Etcd, startEtcd } from './etcd.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** etcd's JSON gateway: enough to write and read without the client that the product uses. */
async function call(etcd: Etcd, method: string, body: unknown, dispatcher?: Agent): Promise<Record<string, unknown>> {
  const request = { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(1_000) };
  const response = await fetch(`${etcd.url}/v3/${method}`, dispatcher ? { ...request, dispatcher } : request);
  return (await response.json()) as Record<string, unknown>;
}

test('etcd serves on a free port and keeps its data over a crash and a restart', async () => {
  await using etcd = await startEtcd();
  await call(etcd, 'kv/put', { key: base64('a'), value: base64('1') });
  await etcd.kill();
  await expect(call(etcd, 'kv/range', { key: base64('a') })).rejects.toThrow();
  await etcd.restart();
  expect(await call(etcd, 'kv/range', { key: base64('a') })).toMatchObject({ kvs: [{ value: base64('1') }] });
});

test('a paused etcd answers nothing until it goes on', async () => {
  await using etcd = await startEtcd();
  etcd.pause();
  await expect(call(etcd, 'kv/range', { key: base64('a') })).rejects.toThrow();
  etcd.resume();
  expect(await call(etcd, 'kv/range', { key: base64('a') })).toHaveProperty('header');
});

test('with TLS a client without a certificate is refused and the common name is the user', async () => {
  await using etcd = await startEtcd({ tls: true });
  const tls = etcd.tls;
  if (tls === undefined) throw new Error('started without TLS');
  const agentOf = (client: object) => new Agent({ connect: { ca: tls.authority.certificate, ...client } });
  await expect(call(etcd, 'kv/range', { key: base64('a') }, agentOf({}))).rejects.toThrow();
  const { certificate: cert, key } = tls.root;
  expect(await call(etcd, 'kv/range', { key: base64('a') }, agentOf({ cert, key }))).toHaveProperty('header');
});

test('three members keep a quorum when one is killed', async () => {
  await using etcd = await startEtcd({ members: 3 });
  await etcd.members[2]?.process.kill();
  expect(await call(etcd, 'kv/put', { key: base64('a'), value: base64('1') })).toHaveProperty('header');
});

test('an etcd that cannot start says why, with the end of its log', async () => {
  await expect(startEtcd({ args: ['--no-such-flag'] })).rejects.toThrow('not defined: -no-such-flag');
});
