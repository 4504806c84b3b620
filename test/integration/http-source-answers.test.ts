/** What an upstream answers, as contexts and tools pass it on. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openHttpSources } from '../harness/http-source.ts';
import { onRawRequest, startRawUpstream, startUpstream } from '../harness/http-upstream.ts';

const MIB = 1_048_576;

test('a context is the body with the media type as it was stated, and the request is what the template says', async () => {
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('12 °C');
  });
  using sources = openHttpSources();
  const config = {
    url: `${upstream.origin}/v1/{city}?unit={unit}&lang={lang}`,
    headers: { 'X-City': '{city}', accept: 'text/plain' },
  };
  const answer = await sources.read(config, { city: 'São Paulo/..', unit: 'C&x=1' });
  expect(answer).toEqual({ content: Buffer.from('12 °C'), contentType: 'text/plain' });
  const [seen] = upstream.requests;
  expect(seen).toMatchObject({ method: 'GET', target: '/v1/S%C3%A3o%20Paulo%2F..?unit=C%26x%3D1', body: '' });
  expect(seen?.headers).toMatchObject({ accept: 'text/plain', 'accept-encoding': 'gzip, deflate, br' });
  expect(Buffer.from(String(seen?.headers['x-city']), 'latin1').toString()).toBe('São Paulo/..');
  expect(Object.keys(seen?.headers ?? {})).not.toContain('authorization');
});

test('a body is JSON of the arguments, with a content type and a secret from outside', async () => {
  await using upstream = await startUpstream((_request, response) => response.end());
  using sources = openHttpSources({ readSecret: () => 'Bearer s3cret\n' });
  await sources.run(
    {
      url: `${upstream.origin}/orders`,
      headers: { authorization: { fromEnv: 'TOKEN' } },
      body: { json: { sku: '{sku}', note: 'for {who}', items: ['{items}'], gone: '{absent}', fixed: 1 } },
    },
    { sku: 7, who: 'Zoë', items: [{ n: 1 }] },
  );
  const [seen] = upstream.requests;
  expect(JSON.parse(seen?.body ?? '')).toEqual({ sku: 7, note: 'for Zoë', items: [[{ n: 1 }]], fixed: 1 });
  expect(seen?.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer s3cret' });
});

test.each([
  ['404 of a context', 404, {}, { reason: 'CONTEXT_UNKNOWN' }],
  ['429', 429, {}, { reason: 'RATE_LIMITED', retryAfterMs: 1_000 }],
  ['429 that says how long', 429, { 'retry-after': '7' }, { reason: 'RATE_LIMITED', retryAfterMs: 7_000 }],
  ['500', 500, {}, { reason: 'BACKEND_UNAVAILABLE', metadata: { http_status: '500' } }],
  ['503 that says how long', 503, { 'retry-after': '2' }, { reason: 'BACKEND_UNAVAILABLE', retryAfterMs: 2_000 }],
  ['599', 599, {}, { reason: 'BACKEND_UNAVAILABLE', metadata: { http_status: '599' } }],
  ['403', 403, {}, { reason: 'BACKEND_REFUSED', metadata: { http_status: '403' } }],
  ['304 that nobody asked for', 304, {}, { reason: 'BACKEND_REFUSED', metadata: { http_status: '304' } }],
  ['300', 300, {}, { reason: 'BACKEND_REFUSED', metadata: { http_status: '300' } }],
])('%s is an error of its own, and says nothing of the body', async (_title, status, headers, expected) => {
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(status, { 'content-type': 'text/plain', ...headers });
    response.end(status === 304 ? undefined : 'internal: db-7.example');
  });
  using sources = openHttpSources();
  const error: unknown = await sources.read({ url: upstream.origin }).catch((failure: unknown) => failure);
  expect(error).toMatchObject(expected);
  expect(String(error)).not.toContain('db-7');
});

test.each([
  ['400', 400, { success: false, errorCode: 'HTTP_400', message: 'the upstream answered 400 (Bad Request)' }],
  ['404', 404, { success: false, errorCode: 'HTTP_404' }],
  ['429', 429, { success: false, errorCode: 'HTTP_429' }],
  ['499', 499, { success: false, errorCode: 'HTTP_499', message: 'the upstream answered 499' }],
])('a tool that gets %s ran and failed', async (_title, status, expected) => {
  await using upstream = await startUpstream((_request, response) => response.writeHead(status).end('why'));
  using sources = openHttpSources();
  expect(await sources.run({ url: upstream.origin })).toMatchObject(expected);
});

test.each([
  ['500', 500, 'BACKEND_UNAVAILABLE'],
  ['302 of a POST, which is not followed', 302, 'BACKEND_REFUSED'],
])('a tool that gets %s failed as a call', async (_title, status, reason) => {
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(status, { location: '/elsewhere' }).end();
  });
  using sources = openHttpSources();
  await expect(sources.run({ url: upstream.origin })).rejects.toMatchObject({ reason });
  expect(upstream.requests).toHaveLength(1);
});

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
])('a body in %s arrives as it was before', async (encoding, compress) => {
  const text = 'abc'.repeat(10_000);
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(compress(text));
  });
  using sources = openHttpSources();
  const { content } = await sources.read({ url: upstream.origin });
  expect(content.toString()).toBe(text);
});

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
])('a %s bomb of 128 MiB costs no more than the limit', async (encoding, compress) => {
  const bomb = compress(Buffer.alloc(128 * MIB));
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(bomb);
  });
  using sources = openHttpSources();
  const before = process.memoryUsage().rss;
  await expect(sources.read({ url: upstream.origin })).rejects.toMatchObject({
    reason: 'LIMIT_EXCEEDED',
    metadata: { limit: 'maxBytes' },
  });
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
});

test.each([
  ['an encoding that was not asked for', 'zstd', Buffer.from('x')],
  ['bytes that are not of their encoding', 'gzip', Buffer.from('plain text')],
  ['an encoded body that is cut', 'gzip', gzipSync('abc'.repeat(1_000)).subarray(0, 20)],
])('%s is an upstream that does not work', async (_title, encoding, body) => {
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(body);
  });
  using sources = openHttpSources();
  await expect(sources.read({ url: upstream.origin })).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await expect(sources.run({ url: upstream.origin })).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
});

test.each([
  ['with its length', true],
  ['in chunks', false],
])('a body of exactly maxBytes arrives and one of a byte more does not, %s', async (_title, hasLength) => {
  await using upstream = await startUpstream(({ target }, response) => {
    const body = Buffer.alloc(Number(target.slice(1)), 'a');
    if (hasLength) response.setHeader('content-length', body.length);
    response.write(body.subarray(0, 10));
    response.end(body.subarray(10));
  });
  using sources = openHttpSources();
  const read = (bytes: number) => sources.read({ url: `${upstream.origin}/{n}`, maxBytes: 5_000 }, { n: bytes });
  expect((await read(5_000)).content).toHaveLength(5_000);
  await expect(read(5_001)).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
  await expect(read(10 * MIB)).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
  expect((await read(12)).content).toHaveLength(12);
});

test('10 MB are not read to their end', async () => {
  let written = 0;
  await using upstream = await startRawUpstream((socket) => {
    onRawRequest(socket, () => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
      const pump = () => {
        while (written < 160 && !socket.destroyed) {
          written += 1;
          if (!socket.write(chunk)) return socket.once('drain', pump);
        }
        return undefined;
      };
      pump();
    });
  });
  using sources = openHttpSources();
  await expect(sources.read({ url: upstream.origin })).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
  expect(written).toBeLessThan(160);
});

test.each([
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['HTTP/1.0 whose end is the end', 'HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nold', 'old'],
  ['an interim answer first', 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', 'ok'],
  ['chunks and a trailer', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n', 'ok'],
])('%s is understood', async (_title, answer, expected) => {
  await using upstream = await startRawUpstream((socket) => onRawRequest(socket, () => socket.end(answer)));
  using sources = openHttpSources();
  const { content } = await sources.read({ url: upstream.origin });
  expect(content.toString()).toBe(expected);
});

test('HEAD answers nothing but the media type, whatever length it announces', async () => {
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': 5_000_000_000 }).end();
  });
  using sources = openHttpSources();
  const answer = await sources.read({ url: upstream.origin, method: 'HEAD' });
  expect(answer).toEqual({ content: Buffer.alloc(0), contentType: 'video/mp4' });
});

test('an ETag is asked about again, and what has not changed comes from memory', async () => {
  let version = 1;
  await using upstream = await startUpstream(({ headers }, response) => {
    const etag = `"v${version}"`;
    if (headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
    else response.writeHead(200, { etag, 'content-type': 'text/plain' }).end(`version ${version}`);
  });
  using sources = openHttpSources();
  const config = { url: `${upstream.origin}/{what}` };
  const read = async (what = 'a') => (await sources.read(config, { what })).content.toString();
  expect([await read(), await read(), await read('b')]).toEqual(['version 1', 'version 1', 'version 1']);
  expect(upstream.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"v1"', undefined]);
  version = 2;
  expect([await read(), await read()]).toEqual(['version 2', 'version 2']);
  expect(await sources.metric('mcp2_http_source_not_modified_total')).toBe(2);
});

test('what was answered for one credential is never asked about with another', async () => {
  await using upstream = await startUpstream(({ headers }, response) => {
    if (headers['if-none-match'] !== undefined) response.writeHead(304).end();
    else response.writeHead(200, { etag: '"same"' }).end(`for ${headers.authorization}`);
  });
  let secret = 'alice';
  using sources = openHttpSources({ readSecret: () => secret });
  const config = { url: upstream.origin, headers: { authorization: { fromEnv: 'X' } } };
  expect((await sources.read(config)).content.toString()).toBe('for alice');
  secret = 'bob';
  expect((await sources.read(config)).content.toString()).toBe('for bob');
  expect((await sources.read(config)).content.toString()).toBe('for bob');
});

test('an upstream that forbids keeping is asked anew', async () => {
  await using upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { etag: '"a"', 'cache-control': 'private, no-store' }).end('x');
  });
  using sources = openHttpSources();
  await sources.read({ url: upstream.origin });
  await sources.read({ url: upstream.origin });
  expect(upstream.requests.at(-1)?.headers['if-none-match']).toBeUndefined();
});

test('a kept connection is used again, also after an answer that was an error', async () => {
  await using upstream = await startUpstream(({ target }, response) => {
    response.writeHead(target === '/missing' ? 404 : 200).end('some text');
  });
  using sources = openHttpSources();
  for (const path of ['', '/missing', '', '/missing', '']) {
    await sources.read({ url: `${upstream.origin}${path}` }).catch(() => undefined);
  }
  expect(upstream.connectionCount).toBe(1);
});
