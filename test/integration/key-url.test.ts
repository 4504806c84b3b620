/** An issuer's key URL, served by a real HTTP server that behaves as badly as one can. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { createKeyUrlSource, KEY_URL_TIMEOUT_MS } from '#lib/token/key-url.ts';
import { mintToken } from '#lib/token/mint.ts';
import { type GeneratedKey, generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { createTokenVerifier } from '#lib/token/verify.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('a token verifies with keys from the URL, and after a rotation with the new one, at the price of one request', async () => {
  const [first, second] = [await generateSigningKey(), await generateSigningKey()];
  let published = first;
  const { source, requests } = await serve((_request, response) => response.end(JSON.stringify(published.publicJwks)));
  const verifier = createTokenVerifier({ issuers: [{ iss: 'i', keys: source }], clock: wallClock() });
  await verifier.verify(await tokenOf(first));
  published = second;
  await verifier.verify(await tokenOf(second));
  await expect(verifier.verify(await tokenOf(first))).rejects.toThrow(/no key with its kid/);
  expect(requests()).toBe(2);
});

test('a redirect is refused, not followed', async () => {
  const good = await generateSigningKey();
  const { source, paths } = await serve((request, response) => {
    if (request.url === '/elsewhere') response.end(JSON.stringify(good.publicJwks));
    else response.writeHead(302, { location: '/elsewhere' }).end();
  });
  await expect(source.refresh()).rejects.toThrow(/answered 302.*redirects are refused/);
  expect(paths()).toEqual(['/jwks.json']);
});

test.each([404, 500, 204])('an answer of %i is refused', async (status) => {
  const { source } = await serve((_request, response) => response.writeHead(status).end());
  await expect(source.refresh()).rejects.toThrow(`answered ${status}`);
});

test('a body without end is given up after 64 KiB', async () => {
  let isClosed = false;
  const { source } = await serve((_request, response) => {
    const write = () => {
      while (!response.destroyed && response.write(' '.repeat(16_384)));
    };
    response.on('drain', write).on('close', () => {
      isClosed = true;
    });
    write();
  });
  await expect(source.refresh()).rejects.toThrow(/larger than 64 KiB/);
  await expect.poll(() => isClosed).toBe(true);
});

test('a body that says it is longer than it is gives no keys', async () => {
  const { source } = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"keys":[]}');
    response.socket?.end();
  });
  await expect(source.refresh()).rejects.toThrow();
  expect(source.current()).toBeUndefined();
});

test.each<[string, RequestListener]>([
  ['says nothing', () => {}],
  ['stops in the middle of the body', (_request, response) => response.write('{"keys":')],
])('a server that %s is given up after 5 s', async (_title, listener) => {
  const sleeps: number[] = [];
  let wake = () => {};
  const clock: Clock = {
    ...wallClock(),
    sleep: (ms) => {
      sleeps.push(ms);
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
  };
  const { source, requests } = await serve(listener, clock);
  const refresh = source.refresh();
  const refused = expect(refresh).rejects.toThrow(/within 5 s/);
  await expect.poll(requests).toBe(1);
  wake();
  await refused;
  expect(sleeps).toEqual([KEY_URL_TIMEOUT_MS]);
});

test('a verifier whose key URL is away says so, and trusts nothing', async () => {
  const key = await generateSigningKey();
  const { source } = await serve((_request, response) => response.writeHead(503).end());
  const verifier = createTokenVerifier({ issuers: [{ iss: 'i', keys: source }], clock: wallClock() });
  await expect(verifier.verify(await tokenOf(key))).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
});

async function serve(listener: RequestListener, clock: Clock = wallClock()) {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/jwks.json`;
  const source = createKeyUrlSource({ url, clock, fetch, allowLoopbackHttp: true });
  return { source, requests: () => paths.length, paths: () => paths };
}

/** Never fires its timer: only one test is about the timeout, and that one brings its own sleep. */
function wallClock(): Clock {
  return { nowMs: Date.now, monotonicMs: () => performance.now(), sleep: () => new Promise(() => {}) };
}

async function tokenOf({ privateJwk }: GeneratedKey): Promise<string> {
  const request = { iss: 'i', sub: 's', aud: ['Server'], capabilities: ['tool:x'] };
  return mintToken(await importSigningKey(privateJwk), request, { clock: wallClock() });
}
