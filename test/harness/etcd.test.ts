import { Agent, fetch } from 'undici';
import { expect, test } from 'vitest';
import { type Etcd, startEtcd } from './etcd.ts';
import { eventually } from './eventually.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** etcd's JSON gateway: enough to write and read without the client that the product uses. */
async function call(
  etcd: Pick<Etcd, 'url'>,
  method: string,
  body: unknown,
  dispatcher?: Agent,
): Promise<Record<string, unknown>> {
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

test('with TLS a client without a certificate is refused', async () => {
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
  // The one that was killed may have led: the others take a second or two to elect.
  const put = () => call(etcd, 'kv/put', { key: base64('a'), value: base64('1') });
  await eventually(put, (answer) => 'header' in answer);
});

test('an etcd that cannot start says why, with the end of its log', async () => {
  await expect(startEtcd({ args: ['--no-such-flag'] })).rejects.toThrow('not defined: -no-such-flag');
});

test('through the proxy a write can be applied while its reply is lost', async () => {
  await using etcd = await startEtcd();
  await using proxy = await startTcpProxy({ targetPort: etcd.port });
  const through = { url: `http://127.0.0.1:${proxy.port}` };
  proxy.dropReplies();
  const write = call(through, 'kv/put', { key: base64('a'), value: base64('1') });
  await expect(write).rejects.toThrow();
  expect(await call(etcd, 'kv/range', { key: base64('a') })).toMatchObject({ kvs: [{ value: base64('1') }] });
  await proxy.pass();
  expect(await call(through, 'kv/range', { key: base64('a') })).toMatchObject({ count: '1' });
});
