/** Calls that are refused for who made them are in the log of every service, with who and what, never with a token. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { echoContext, reasonOf, startTestServer, type TestServer } from '../harness/context-tool-server.ts';

let server: TestServer;

beforeAll(async () => {
  const { context } = echoContext('stock:{sku}', { cache: { ttlMs: 60_000, scope: 'Public' } });
  server = await startTestServer({ contexts: [context] });
});
afterAll(() => server[Symbol.asyncDispose]());

async function denials(run: () => Promise<unknown>) {
  const before = server.log.length;
  await run();
  return server.log.slice(before).filter(({ msg }) => msg === 'call denied');
}

const read = (capability_token: string, context_key = 'stock:p1') =>
  reasonOf(server.contextTool.call('RequestContext', { context_key, capability_token }));

test('a denied call is one line with caller, method, resource and reason', async () => {
  const token = await server.mint({ capabilities: ['db:other:read'] });
  const lines = await denials(() => read(token));
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'warn',
      rpc: 'ContextTool.RequestContext',
      resource: 'stock:p1',
      reason: 'CAPABILITY_DENIED',
      sub: 'shop.db',
      iss: 'mcp2:test',
      jti: expect.stringMatching(/.{16,}/),
      peer: expect.stringContaining('127.0.0.1'),
    }),
  ]);
  expect(JSON.stringify(lines)).not.toContain(token.split('.')[1]);
});

test('who presented a token that has ended is known, who presented nothing is not', async () => {
  const ended = await server.mint({ ttlSeconds: 60 }, { nowMs: Date.now() - 61_000 });
  for (let i = 0; i < 2; i++) {
    expect(await denials(() => read(ended))).toMatchObject([{ reason: 'TOKEN_EXPIRED', sub: 'shop.db' }]);
  }
  const [line] = await denials(() => read(''));
  expect(line).toMatchObject({ reason: 'CREDENTIAL_MISSING', resource: 'stock:p1' });
  expect(line).not.toHaveProperty('sub');
});

test('what is allowed, and what is wrong for another reason, is no denial', async () => {
  const token = await server.mint();
  const lines = await denials(async () => {
    expect(await read(token)).toBe('answered');
    expect(await read(token)).toBe('answered');
    expect(await read(token, 'other:p1')).toBe('CONTEXT_UNKNOWN');
    expect(await read(token, 'a::b')).toBe('NAME_INVALID');
  });
  expect(lines).toEqual([]);
});

test('a probe that asks for the card without a credential is a line for who debugs, and leaves the others theirs', async () => {
  const probe = () => reasonOf(server.serviceInfo.call('GetCard', {}));
  const lines = await denials(async () => {
    for (let i = 0; i < 60; i++) expect(await probe()).toBe('CREDENTIAL_MISSING');
    expect(await read('')).toBe('CREDENTIAL_MISSING');
  });
  const quiet = lines.filter(({ level }) => level === 'debug');
  expect(quiet.length).toBeGreaterThan(0);
  expect(quiet.every(({ rpc }) => rpc === 'ServiceInfo.GetCard')).toBe(true);
  expect(lines.filter(({ level }) => level !== 'debug')).toMatchObject([
    { level: 'warn', rpc: 'ContextTool.RequestContext' },
  ]);
  const counted = (await server.metrics()).split('\n').filter((line) => /_handled_total.*"GetCard"/.test(line));
  expect(counted).toEqual([expect.stringMatching(/grpc_code="UNAUTHENTICATED".* 60$/)]);
});

test('a card that is asked for with a wrong token is a denial like any other', async () => {
  const requester_token = await server.mint({ aud: ['Db_Other'] });
  const lines = await denials(() => reasonOf(server.serviceInfo.call('GetCard', { requester_token })));
  expect(lines).toMatchObject([{ level: 'warn', rpc: 'ServiceInfo.GetCard', reason: 'AUDIENCE_MISMATCH' }]);
});

test('a resource that nobody has checked is cut, and a flood does not fill the log', async () => {
  const token = await server.mint({ capabilities: ['db:other:read'] });
  const lines = await denials(() => Promise.all(Array.from({ length: 300 }, () => read(token, 'x:'.repeat(2_000)))));
  expect(lines.length).toBeLessThan(300);
  expect(lines.every(({ resource }) => String(resource).length <= 256)).toBe(true);
  const flood = await denials(() => Promise.all(Array.from({ length: 300 }, () => read(''))));
  expect(flood.length).toBeLessThan(200);
  expect(await server.metrics()).toMatch(/mcp2_denials_unlogged_total\{[^}]*\} [1-9]/);
});
