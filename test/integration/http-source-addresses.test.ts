/** Where requests may go: addresses, names that change their answer, redirects, TLS, and no proxy. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NameLookup } from '#lib/net/dial.ts';
import { createDnsLookup } from '#lib/net/name-lookup.ts';
import { startDnsServer } from '../harness/dns-server.ts';
import { openHttpSources } from '../harness/http-source.ts';
import {
  onRawRequest,
  otherAddress,
  startRawUpstream,
  startUpstream,
  type Upstream,
} from '../harness/http-upstream.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';

const REFUSED = { reason: 'BACKEND_REFUSED' };
const folder = mkdtempSync(join(tmpdir(), 'mcp2-http-'));
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await createCertificateAuthority(join(folder, 'ca'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  'http://169.254.169.254/latest/meta-data',
  'http://[fd00:ec2::254]/',
  'http://100.100.100.200/',
  'http://0.0.0.0/',
  'http://[::]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://0251.0376.0251.0376/',
  'http://2852039166/',
  'http://0xa9.0xfe.0xa9.0xfe/',
])('%s is never asked, in standalone mode neither', async (url) => {
  using sources = openHttpSources();
  await expect(sources.read({ url, timeoutMs: 5_000 })).rejects.toMatchObject(REFUSED);
});

test.each(['http://127.0.0.1:PORT/', 'http://localhost:PORT/', 'http://127.1:PORT/', 'http://[::1]:PORT/'])(
  '%s is asked in standalone mode only',
  async (template) => {
    await using upstream = await startUpstream((_request, response) => response.end('here'), {
      host: template.includes('::1') ? '::1' : '127.0.0.1',
    });
    const url = template.replace('PORT', String(upstream.port));
    using standalone = openHttpSources();
    expect((await standalone.read({ url })).content.toString()).toBe('here');
    using cluster = openHttpSources({ allowLoopback: false });
    await expect(cluster.read({ url })).rejects.toMatchObject(REFUSED);
    expect(upstream.requests).toHaveLength(1);
  },
);

test('a name that leads to a good address for the check and to another one afterwards is asked for once', async () => {
  await using target = await startUpstream((_request, response) => response.end('secret'));
  await using good = await startUpstream((_request, response) => response.end('good'), { host: otherAddress() });
  let answers = 0;
  await using dns = await startDnsServer((name) => {
    if (name !== 'rebind.example') return undefined;
    answers += 1;
    return answers <= 2 ? [otherAddress()] : ['127.0.0.1'];
  });
  using sources = openHttpSources({ allowLoopback: false, lookup: dnsLookup(dns.address) });
  const url = `http://rebind.example:${good.port}/`;
  expect((await sources.read({ url })).content.toString()).toBe('good');
  expect(dns.asked).toHaveLength(2); // A and AAAA.
  // The kept connection stays where it is; a new one is checked anew.
  expect((await sources.read({ url })).content.toString()).toBe('good');
  const again = { url: `http://rebind.example:${target.port}/` };
  await expect(sources.read(again)).rejects.toMatchObject(REFUSED);
  expect(target.connectionCount).toBe(0);
});

test.each<[string, readonly string[] | 'silent' | undefined, object]>([
  ['to a forbidden address beside a good one', ['192.0.2.7', '169.254.169.254'], REFUSED],
  ['to loopback', ['127.0.0.1'], REFUSED],
  ['to loopback over IPv6', ['::1'], REFUSED],
  ['nowhere', undefined, { reason: 'BACKEND_UNAVAILABLE' }],
  ['to an empty answer', [], { reason: 'BACKEND_UNAVAILABLE' }],
  ['to a DNS server that is silent', 'silent', { reason: 'BACKEND_UNAVAILABLE', metadata: { limit: 'timeout' } }],
])('a name that leads %s connects nowhere', async (_title, addresses, expected) => {
  await using dns = await startDnsServer(() => addresses);
  using sources = openHttpSources({ allowLoopback: false, lookup: dnsLookup(dns.address) });
  const call = sources.run({ url: 'http://upstream.example/', timeoutMs: 1_000 });
  await expect(call).rejects.toMatchObject(expected);
});

test('a name with several addresses is tried at each of them', async () => {
  await using upstream = await startUpstream((_request, response) => response.end('second'));
  using sources = openHttpSources({ lookup: async () => ['::1', '127.0.0.1'] });
  const { content } = await sources.read({ url: `http://upstream.example:${upstream.port}/` });
  expect(content.toString()).toBe('second');
});

test.each([301, 302, 303, 307, 308])('a GET follows %i, and so does a HEAD', async (status) => {
  await using upstream = await startUpstream(({ target }, response) => {
    if (target === '/old') response.writeHead(status, { location: '/new?x=1#part' }).end('moved');
    else response.end(target);
  });
  using sources = openHttpSources();
  const config = { url: `${upstream.origin}/old`, headers: { 'x-key': 'mine' } };
  expect((await sources.read(config)).content.toString()).toBe('/new?x=1');
  await sources.read({ ...config, method: 'HEAD' });
  expect(upstream.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
    ...['GET /old', 'GET /new?x=1', 'HEAD /old', 'HEAD /new?x=1'],
  ]);
  expect(upstream.requests.every(({ headers }) => headers['x-key'] === 'mine')).toBe(true);
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('a %s follows no redirect', async (method) => {
  await using upstream = await startUpstream((_request, response) => redirect(response, '/other'));
  using sources = openHttpSources();
  await expect(sources.run({ url: upstream.origin, method })).rejects.toMatchObject(REFUSED);
  expect(upstream.requests).toHaveLength(1);
});

test('three redirects are followed, four are not, and a circle ends', async () => {
  await using upstream = await startUpstream(({ target }, response) => {
    const left = Number(target.slice(1));
    if (left === 0) response.end('there');
    else redirect(response, left > 100 ? target : `/${left - 1}`);
  });
  using sources = openHttpSources();
  const read = (path: string) => sources.read({ url: `${upstream.origin}/${path}` });
  expect((await read('3')).content.toString()).toBe('there');
  await expect(read('4')).rejects.toMatchObject(REFUSED);
  await expect(read('999')).rejects.toMatchObject(REFUSED);
  expect(upstream.requests).toHaveLength(4 + 4 + 4);
});

test('the headers of the configuration go along to the same origin only, and do not come back with a detour', async () => {
  await using other = await startUpstream(({ target }, response) => {
    if (target === '/back') redirect(response, `${own.origin}/stolen`);
    else response.end('other');
  });
  await using own: Upstream = await startUpstream(({ target }, response) => {
    if (target === '/away') redirect(response, `${other.origin}/x`);
    else if (target === '/detour') redirect(response, `${other.origin}/back`);
    else if (target === '/stolen') redirect(response, '/stolen/further');
    else response.end('own');
  });
  using sources = openHttpSources({ readSecret: () => 'Bearer s3cret' });
  const headers = { authorization: { fromEnv: 'TOKEN' }, 'x-tenant': '{tenant}', 'user-agent': 'custom' };
  const read = (path: string) => sources.read({ url: `${own.origin}${path}`, headers }, { tenant: 'acme' });
  await read('/away');
  await read('/detour');
  const away = [...other.requests, ...own.requests.filter(({ target }) => target.startsWith('/stolen'))];
  expect(away).toHaveLength(4);
  for (const { headers: seen } of away) {
    expect(seen).not.toHaveProperty('authorization');
    expect(seen).not.toHaveProperty('x-tenant');
    expect(seen['user-agent']).toBe('mcp2');
  }
  expect(own.requests[0]?.headers).toMatchObject({ authorization: 'Bearer s3cret', 'x-tenant': 'acme' });
});

test.each([
  ['the metadata service', 'http://169.254.169.254/latest/'],
  ['the unspecified address', 'http://0.0.0.0/'],
  ['a file', 'file:///etc/passwd'],
  ['another scheme', 'ftp://upstream.example/'],
  ['data', 'data:text/plain,x'],
  ['a URL with a password', 'http://user:password@upstream.example/'],
  ['what is no URL', 'http://[broken'],
  ['nothing', ''],
])('a redirect to %s is refused', async (_title, location) => {
  await using upstream = await startRawUpstream((socket) => {
    const head = location === '' ? '' : `location: ${location}\r\n`;
    onRawRequest(socket, () => socket.write(`HTTP/1.1 302 Found\r\n${head}content-length: 0\r\n\r\n`));
  });
  using sources = openHttpSources();
  const error: unknown = await sources.read({ url: upstream.origin }).catch((failure: unknown) => failure);
  expect(error).toMatchObject(REFUSED);
  expect(String(error)).not.toContain('password@');
});

test('a redirect from elsewhere to loopback is refused in standalone mode too, kept connections or not', async () => {
  await using local = await startUpstream((_request, response) => response.end('local'));
  await using elsewhere = await startUpstream((_request, response) => redirect(response, `${local.origin}/`), {
    host: otherAddress(),
  });
  await using near = await startUpstream((_request, response) => redirect(response, `${local.origin}/`));
  using sources = openHttpSources();
  expect((await sources.read({ url: local.origin })).content.toString()).toBe('local');
  await expect(sources.read({ url: elsewhere.origin })).rejects.toMatchObject(REFUSED);
  expect(local.requests).toHaveLength(1);
  expect((await sources.read({ url: near.origin })).content.toString()).toBe('local');
});

test('a redirect may lead from http to https and never back', async () => {
  const tls = await authority.issue({ commonName: 'upstream', names: ['IP:127.0.0.1'] });
  await using plain = await startUpstream(({ target }, response) => {
    if (target === '/up') redirect(response, `${secure.origin}/`);
    else response.end('plain');
  });
  await using secure: Upstream = await startUpstream(
    ({ target }, response) => {
      if (target === '/down') redirect(response, `${plain.origin}/`);
      else response.end('secure');
    },
    { tls: { cert: tls.certificate, key: tls.key } },
  );
  using sources = openHttpSources({ ca: authority.certificate });
  expect((await sources.read({ url: `${plain.origin}/up` })).content.toString()).toBe('secure');
  await expect(sources.read({ url: `${secure.origin}/down` })).rejects.toMatchObject(REFUSED);
});

test('a certificate counts for the name in the URL, however the name was resolved', async () => {
  const tls = await authority.issue({ commonName: 'upstream', names: ['DNS:upstream.example'] });
  let serverName: string | undefined;
  await using upstream = await startUpstream((_request, response) => response.end('secure'), {
    tls: {
      cert: tls.certificate,
      key: tls.key,
      SNICallback: (name, done) => {
        serverName = name;
        done(null);
      },
    },
  });
  using sources = openHttpSources({ ca: authority.certificate, lookup: async () => ['127.0.0.1'] });
  const read = (host: string) => sources.read({ url: `https://${host}:${upstream.port}/` });
  expect((await read('upstream.example')).content.toString()).toBe('secure');
  expect(serverName).toBe('upstream.example');
  await expect(read('other.example')).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await expect(read('127.0.0.1')).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  expect(upstream.requests).toHaveLength(1);
});

test('a certificate that nobody trusts is refused, whatever the environment says, and nothing is sent', async () => {
  const tls = await authority.issue({ commonName: 'upstream', names: ['IP:127.0.0.1'] });
  await using upstream = await startUpstream((_request, response) => response.end(), {
    tls: { cert: tls.certificate, key: tls.key },
  });
  await withEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, async () => {
    using sources = openHttpSources();
    await expect(sources.run({ url: upstream.origin })).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  });
  expect(upstream.requests).toHaveLength(0);
});

test('a proxy in the environment is not asked', async () => {
  await using upstream = await startUpstream((_request, response) => response.end('direct'));
  await using proxy = await startUpstream((_request, response) => response.end('proxied'));
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
  const environment = Object.fromEntries(names.map((name) => [name, proxy.origin]));
  await withEnvironment({ ...environment, NODE_USE_ENV_PROXY: '1' }, async () => {
    using sources = openHttpSources();
    expect((await sources.read({ url: upstream.origin })).content.toString()).toBe('direct');
  });
  expect(proxy.connectionCount).toBe(0);
});

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location }).end();
}

function dnsLookup(server: string): NameLookup {
  return createDnsLookup({ search: [], ndots: 1, servers: [server] });
}

async function withEnvironment(values: Readonly<Record<string, string>>, work: () => Promise<void>): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, values);
  try {
    await work();
  } finally {
    for (const name of Object.keys(values)) delete process.env[name];
    Object.assign(process.env, before);
  }
}
