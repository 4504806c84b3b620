/** `context()` on a real registry and real servers: which answers are used again, for whom, and when they are asked for anew. */
import { status } from '@grpc/grpc-js';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { ContextRequest__Output } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import { CallError, type ContextResult } from '#sdk/client/index.ts';
import { type DiscoveryFixture, startDiscovery } from '../harness/discovery-fixture.ts';
import { eventually } from '../harness/eventually.ts';

const KEY = 'inventory:p1:stock';
const LONG_MS = 600_000;

let discovery: DiscoveryFixture;
beforeEach(async () => {
  discovery = await startDiscovery();
  onTestFinished(() => discovery[Symbol.asyncDispose]());
});

/** A server that answers as a real one: the whole, or nothing where the caller's copy is current. */
async function serveValue(name: string, answer: () => ContextResponse) {
  const requests: ContextRequest__Output[] = [];
  const server = await discovery.serve(name, {
    context: async (request) => {
      requests.push(request);
      const { serialized_value = Buffer.alloc(0), etag = '', ...rest } = answer();
      const isCurrent = etag !== '' && etag === request.if_none_match;
      return { ...rest, etag, serialized_value: isCurrent ? Buffer.alloc(0) : serialized_value };
    },
  });
  return { ...server, requests };
}

const json = (value: unknown): ContextResponse => ({
  serialized_value: Buffer.from(JSON.stringify(value)),
  content_type: 'application/json',
});

/** A clock whose monotonic time is moved on by the test. */
function movableClock() {
  let movedMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + movedMs };
  const move = (ms: number) => {
    movedMs += ms;
  };
  return { clock, move };
}

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => new Error('it was answered'),
    (caught: unknown) => caught,
  );
  if (error instanceof CallError) return error;
  throw error;
}

test('a context is found by its key, parameters travel by their types, and the answer is a value', async () => {
  const one = await serveValue('Db_One', () => ({ ...json({ stock: 42 }), metadata: ['source:replica'] }));
  const mcp2 = await discovery.connect();
  const result: ContextResult<{ stock: number }> = await mcp2.context(KEY, {
    warehouse: 'NY',
    min_qty: 3,
    tags: ['a'],
  });
  expect(result).toMatchObject({
    value: { stock: 42 },
    server: 'Db_One',
    isCached: false,
    metadata: ['source:replica'],
  });
  expect(result.content.toString()).toBe('{"stock":42}');
  const [{ parameters } = { parameters: {} }] = one.requests;
  expect(
    Object.entries(parameters)
      .map(([name, bytes]) => `${name}=${bytes}`)
      .sort(),
  ).toEqual(['min_qty=3', 'tags=["a"]', 'warehouse=NY']);
});

test.each<[contentType: string, bytes: Buffer, value: unknown]>([
  ['application/json', Buffer.from('{"a":1}'), { a: 1 }],
  ['application/geo+json; charset=utf-8', Buffer.from('[1]'), [1]],
  ['text/plain', Buffer.from('42'), '42'],
  ['image/png', Buffer.from('42'), Buffer.from('42')],
  ['', Buffer.from('42'), 42],
  ['', Buffer.from('NY'), 'NY'],
  ['', Buffer.of(0xff), Buffer.of(0xff)],
  ['application/json', Buffer.from('{'), '{'],
])('content of type %j is read as what it is', async (content_type, serialized_value, value) => {
  await serveValue('Db_One', () => ({ content_type, serialized_value }));
  const mcp2 = await discovery.connect();
  expect((await mcp2.context(KEY)).value).toEqual(value);
});

test('an answer is used again for as long as its server said, then its etag is enough', async () => {
  let stock = 42;
  const one = await serveValue('Db_One', () => ({ ...json(stock), etag: `v${stock}`, cache_ttl_ms: 5_000 }));
  const { clock, move } = movableClock();
  const mcp2 = await discovery.connect({ ambient: { env: {}, homeFolder: '/nowhere', clock } });
  const read = async () => {
    const { value, isCached } = await mcp2.context(KEY, { warehouse: 'NY' });
    return [value, isCached];
  };
  expect(await read()).toEqual([42, false]);
  move(4_000);
  expect(await read()).toEqual([42, true]);
  expect(one.calls()).toBe(1);
  // Asked whether it is still so: no content travels.
  move(1_001);
  expect(await read()).toEqual([42, false]);
  expect(one.requests.map(({ if_none_match }) => if_none_match)).toEqual(['', 'v42']);
  expect(await read()).toEqual([42, true]);
  move(5_001);
  stock = 41;
  expect(await read()).toEqual([41, false]);
  expect(one.calls()).toBe(3);
});

test('other parameters, another type and another server are other questions; the order of parameters is not', async () => {
  const one = await serveValue('Db_One', () => ({ ...json(1), cache_ttl_ms: LONG_MS }));
  const mcp2 = await discovery.connect();
  await mcp2.context(KEY, { a: 1, b: 'x' });
  expect((await mcp2.context(KEY, { b: 'x', a: 1 })).isCached).toBe(true);
  for (const [key, parameters, options] of [
    [KEY, { a: 1 }, {}],
    [KEY, { a: 2, b: 'x' }, {}],
    [KEY, { a: 1, b: 'x' }, { accept: 'text/plain' }],
    [KEY, { a: 1, b: 'x' }, { server: 'Db_One' }],
    ['inventory:p2:stock', { a: 1, b: 'x' }, {}],
  ] as const) {
    expect((await mcp2.context(key, parameters, options)).isCached).toBe(false);
  }
  expect(one.calls()).toBe(6);
});

test('fresh asks whatever is kept, and what it brings is kept', async () => {
  let stock = 1;
  await serveValue('Db_One', () => ({ ...json(stock), cache_ttl_ms: LONG_MS }));
  const mcp2 = await discovery.connect();
  await mcp2.context(KEY);
  stock = 2;
  expect(await mcp2.context(KEY, {}, { fresh: true })).toMatchObject({ value: 2, isCached: false });
  expect(await mcp2.context(KEY)).toMatchObject({ value: 2, isCached: true });
});

test('what a reader does to its answer does not reach the next one', async () => {
  await serveValue('Db_One', () => ({
    serialized_value: Buffer.of(1, 2),
    content_type: 'image/png',
    cache_ttl_ms: LONG_MS,
  }));
  const mcp2 = await discovery.connect();
  (await mcp2.context(KEY)).content.fill(0);
  const { content, isCached } = await mcp2.context(KEY);
  expect([content, isCached]).toEqual([Buffer.of(1, 2), true]);
});

test('a renewed token is shown what was kept; a token of another subject, right or audience never is', async () => {
  const one = await serveValue('Db_One', () => ({ ...json(1), cache_ttl_ms: LONG_MS, cache_scope: 1 }));
  let token = '';
  const mcp2 = await discovery.connect({ token: () => token });
  const capabilities = ['db:inventory:read', 'tool:order'];
  const isCachedFor = async (claims: Parameters<typeof discovery.tokens.mint>[0]) => {
    token = await discovery.tokens.mint({ sub: 'shop.agent', capabilities, ...claims });
    return (await mcp2.context(KEY)).isCached;
  };
  expect(await isCachedFor({})).toBe(false);
  expect(await isCachedFor({})).toBe(true);
  expect(await isCachedFor({ sub: 'shop.other' })).toBe(false);
  expect(await isCachedFor({ capabilities: ['db:inventory:read'] })).toBe(false);
  expect(await isCachedFor({ aud: ['Db_One'] })).toBe(false);
  // This server takes any token; the client must not.
  expect(await isCachedFor({ iss: 'mcp2:other' })).toBe(false);
  expect(await isCachedFor({})).toBe(true);
  expect(one.calls()).toBe(5);
});

test('an answer comes under the token that was asked with, also when another one is there by then', async () => {
  const mint = (sub: string) => discovery.tokens.mint({ sub, capabilities: ['db:inventory:read'] });
  const [first, second] = [await mint('shop.first'), await mint('shop.second')];
  let token = first;
  const seen: string[] = [];
  await discovery.serve('Db_One', {
    context: async ({ capability_token }) => {
      seen.push(capability_token);
      return { ...json(capability_token === first ? 'of the first' : 'of the second'), cache_ttl_ms: LONG_MS };
    },
  });
  // The source is asked again while the server is being found.
  const mcp2 = await discovery.connect({
    token: () => {
      const now = token;
      token = second;
      return now;
    },
  });
  expect(await mcp2.context(KEY)).toMatchObject({ value: 'of the first' });
  expect(await mcp2.context(KEY)).toMatchObject({ value: 'of the second', isCached: false });
  expect(seen).toEqual([first, second]);
});

test('equal questions at one time are one call, where its answer may be used again', async () => {
  const gate = Promise.withResolvers<void>();
  const one = await discovery.serve('Db_One', {
    context: async () => {
      await gate.promise;
      return { ...json(1), cache_ttl_ms: LONG_MS };
    },
  });
  const mcp2 = await discovery.connect();
  const calls = Array.from({ length: 50 }, () => mcp2.context(KEY));
  await eventually(one.calls, (calls) => calls === 1);
  gate.resolve();
  const results = await Promise.all(calls);
  expect(results.filter(({ isCached }) => !isCached)).toHaveLength(1);
  expect(one.calls()).toBe(1);
});

test('where an answer is for one call alone, each gets its own, and nobody waits for another once that is known', async () => {
  let served = 0;
  const one = await discovery.serve('Db_One', {
    context: async () => {
      served += 1;
      return json(served);
    },
  });
  const mcp2 = await discovery.connect();
  const values = await Promise.all(Array.from({ length: 10 }, async () => (await mcp2.context(KEY)).value));
  expect(new Set(values).size).toBe(10);
  expect(one.calls()).toBe(10);
  const again = await Promise.all(Array.from({ length: 10 }, async () => (await mcp2.context(KEY)).value));
  expect(new Set(again).size).toBe(10);
});

test('one caller who leaves does not end the call for the others; when all have left it ends', async () => {
  const gate = Promise.withResolvers<void>();
  const one = await discovery.serve('Db_One', {
    context: async () => {
      await gate.promise;
      return { ...json(1), cache_ttl_ms: LONG_MS };
    },
  });
  const mcp2 = await discovery.connect();
  const [leader, follower] = [new AbortController(), new AbortController()];
  const first = mcp2.context(KEY, {}, { signal: leader.signal });
  const second = mcp2.context(KEY, {}, { signal: follower.signal });
  await eventually(one.calls, (calls) => calls === 1);
  leader.abort(new Error('I leave'));
  await expect(first).rejects.toThrow('I leave');
  follower.abort(new Error('so do I'));
  await expect(second).rejects.toThrow('so do I');
  const third = mcp2.context(KEY);
  await eventually(one.calls, (calls) => calls === 2);
  gate.resolve();
  expect(await third).toMatchObject({ value: 1, isCached: false });
});

test('a follower with more time goes on when the time of the first one is over', async () => {
  let served = 0;
  const one = await discovery.serve('Db_One', {
    context: async () => {
      served += 1;
      return served === 1 ? new Promise<never>(() => undefined) : { ...json(1), cache_ttl_ms: LONG_MS };
    },
  });
  const mcp2 = await discovery.connect();
  await mcp2.endpoints({ capability: 'db:inventory:read' });
  const short = failureOf(mcp2.context(KEY, {}, { deadlineMs: 300 }));
  const long = mcp2.context(KEY, {}, { deadlineMs: 8_000 });
  expect(await short).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(await long).toMatchObject({ value: 1 });
  expect(one.calls()).toBe(2);
});

test('a server that breaks under a read: another one answers; none left is an error that names both', async () => {
  const fail = async () => {
    throw new ServiceError('BACKEND_UNAVAILABLE', 'the database does not answer');
  };
  let first: () => Promise<ContextResponse> = fail;
  const servers = [
    await discovery.serve('Db_One', { context: () => first() }),
    await discovery.serve('Db_Two', { context: async () => json(2) }),
  ];
  const mcp2 = await discovery.connect();
  for (let call = 0; call < 6; call += 1) expect(await mcp2.context(KEY)).toMatchObject({ value: 2, server: 'Db_Two' });
  await servers[1]?.proxy.refuse();
  const error = await failureOf(mcp2.context(KEY));
  expect(error).toMatchObject({ code: status.UNAVAILABLE });
  expect(error.tried.join(' ')).toMatch(/Db_One at .*Db_Two at|Db_Two at .*Db_One at/);
  first = async () => json(1);
  expect(await mcp2.context(KEY)).toMatchObject({ value: 1, server: 'Db_One' });
});

test('an etag is shown to another server, and what that says of it is not believed', async () => {
  const { clock, move } = movableClock();
  // Both count versions from 1, of different values.
  const one = await serveValue('Db_One', () => ({ ...json('of one'), etag: '1', cache_ttl_ms: 1_000 }));
  const mcp2 = await discovery.connect({ ambient: { env: {}, homeFolder: '/nowhere', clock } });
  expect(await mcp2.context(KEY)).toMatchObject({ value: 'of one' });
  const two = await serveValue('Db_Two', () => ({ ...json('of two'), etag: '1', cache_ttl_ms: 1_000 }));
  await one.proxy.refuse();
  move(6_000);
  expect(await mcp2.context(KEY)).toMatchObject({ value: 'of two', server: 'Db_Two' });
  expect(two.requests.map(({ if_none_match }) => if_none_match)).toEqual(['1', '']);
});

test('an error is not kept', async () => {
  let isBroken = true;
  await discovery.serve('Db_One', {
    context: async () => {
      if (isBroken) throw new ServiceError('CONTEXT_UNKNOWN', 'this server has no such context');
      return { ...json(1), cache_ttl_ms: LONG_MS };
    },
  });
  const mcp2 = await discovery.connect();
  expect(await failureOf(mcp2.context(KEY))).toMatchObject({ reason: 'CONTEXT_UNKNOWN' });
  isBroken = false;
  expect(await mcp2.context(KEY)).toMatchObject({ value: 1 });
});

test('a layer of the caller sees every read, those from memory too, and never the token', async () => {
  await serveValue('Db_One', () => ({ ...json(1), cache_ttl_ms: LONG_MS }));
  const seen: object[] = [];
  const mcp2 = await discovery.connect({
    middleware: [
      (next, { name }) =>
        async (request, call) => {
          const answer = await next(request, call);
          if (name === 'ContextTool.RequestContext') seen.push({ request, attempts: call.attempts.length, answer });
          return answer;
        },
    ],
  });
  await mcp2.context(KEY);
  await mcp2.context(KEY);
  expect(seen).toMatchObject([{ attempts: 1 }, { attempts: 0, answer: { cache_ttl_ms: LONG_MS } }]);
  expect(JSON.stringify(seen)).not.toContain('eyJ');
});

test('what is wrong with a call is said without a call', async () => {
  const one = await serveValue('Db_One', () => json(1));
  const mcp2 = await discovery.connect();
  expect(await failureOf(mcp2.context('inventory:*'))).toMatchObject({ reason: 'NAME_INVALID', reachedServer: false });
  expect(await failureOf(mcp2.context('payroll:p1'))).toMatchObject({
    reason: 'CAPABILITY_DENIED',
    reachedServer: false,
  });
  await expect(mcp2.context(KEY, { 'a b': 1 })).rejects.toThrow(TypeError);
  await expect(mcp2.context(KEY, { a: Number.NaN })).rejects.toThrow(TypeError);
  expect(await failureOf(mcp2.context(KEY, {}, { server: 'Db_Nobody' }))).toMatchObject({ reason: 'NO_ENDPOINT' });
  expect(one.calls()).toBe(0);
});
