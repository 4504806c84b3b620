/** How long connections to upstreams are kept, and how many. */
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { eventually } from '../harness/eventually.ts';
import { openHttpSources } from '../harness/http-source.ts';
import { startUpstream } from '../harness/http-upstream.ts';

test('a connection is replaced after five minutes, so that a name that moved is found', async () => {
  await using upstream = await startUpstream((_request, response) => response.end());
  let laterMs = 0;
  const clock = { ...systemClock, monotonicMs: () => performance.now() + laterMs };
  using sources = openHttpSources({ clock });
  const read = () => sources.read({ url: upstream.origin });
  await read();
  await read();
  expect(upstream.connectionCount).toBe(1);
  laterMs = 301_000;
  await read();
  await read();
  expect(upstream.connectionCount).toBe(2);
});

test('redirects to any number of hosts leave no more than 64 pools behind', async () => {
  await using upstream = await startUpstream(({ headers, target }, response) => {
    if (target === '/') response.writeHead(302, { location: `http://to-${headers.host}/there` }).end();
    else response.end(headers.host);
  });
  using sources = openHttpSources({ lookup: async () => ['127.0.0.1'] });
  for (let n = 0; n < 150; n += 1) {
    const { content } = await sources.read({ url: `http://h${n}.example:${upstream.port}/` });
    expect(content.toString()).toBe(`to-h${n}.example:${upstream.port}`);
  }
  expect(await sources.metric('mcp2_http_source_connections')).toBeLessThanOrEqual(64);
  await eventually(
    () => upstream.openConnections,
    (open) => open <= 64,
  );
});

test('closing the sources breaks what runs and what waits, and leaves no connection', async () => {
  await using upstream = await startUpstream(() => undefined);
  const sources = openHttpSources({ maxConnections: 2 });
  const config = { url: upstream.origin };
  const calls = [sources.read(config), sources.run(config), sources.run(config)];
  const ends = Promise.allSettled(calls);
  await eventually(
    () => upstream.requests.length,
    (count) => count === 2,
  );
  sources[Symbol.dispose]();
  expect(await ends).toMatchObject([
    { reason: { reason: 'BACKEND_UNAVAILABLE' } },
    { reason: { reason: 'OUTCOME_UNKNOWN' } },
    { reason: { reason: 'BACKEND_UNAVAILABLE' } },
  ]);
  await expect(sources.read(config)).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await eventually(
    () => upstream.openConnections,
    (open) => open === 0,
  );
});

test('each request is counted once by how it ended', async () => {
  await using upstream = await startUpstream(({ target }, response) => {
    if (target === '/moved') response.writeHead(302, { location: '/200' }).end();
    else if (target === '/reset') response.destroy();
    else response.writeHead(Number(target.slice(1))).end('x'.repeat(100));
  });
  using sources = openHttpSources();
  for (const path of ['200', '204', 'moved', '404', '429', '503', '305', 'reset']) {
    await sources.read({ url: `${upstream.origin}/${path}` }).catch(() => undefined);
  }
  await sources.read({ url: `${upstream.origin}/200`, maxBytes: 10 }).catch(() => undefined);
  await sources.read({ url: 'http://169.254.169.254/' }).catch(() => undefined);
  const results = ['2xx', '3xx', '4xx', '5xx', 'broken', 'too-large', 'refused', 'timeout'];
  const counted = await Promise.all(results.map((one) => sources.metric('mcp2_http_source_requests_total', one)));
  expect(Object.fromEntries(results.map((one, index) => [one, counted[index]]))).toEqual({
    ...{ '2xx': 3, '3xx': 1, '4xx': 2, '5xx': 1, broken: 1, 'too-large': 1, refused: 1, timeout: 0 },
  });
});
