/** RequestContext over a real connection: every reason that needs no backend, the cache, versions, media types. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Reason, ServiceError } from '#lib/errors.ts';
import type { CallError } from '#lib/grpc/call-error.ts';
import { CacheScope } from '#protos/generated/mcp2/CacheScope.ts';
import type { ContextAnswer, ContextDeclaration } from '#sdk/server/declaration.ts';
import { ToolFailed } from '#sdk/server/tool-failed.ts';
import { echoContext, offerOf, reasonOf, startTestServer, type TestServer } from '../harness/context-tool-server.ts';
import { eventually } from '../harness/eventually.ts';

const STOCK = {
  type: 'object',
  properties: { warehouse: { type: 'string', maxLength: 3 }, min_qty: { type: 'integer', minimum: 0, default: 1 } },
};
const stock = echoContext('stock:{sku}:count', { parameters: STOCK });
const all = echoContext('stock:all:count');
const cached = echoContext('cached:{id}', { parameters: STOCK, cache: { ttlMs: 60_000, scope: 'Private' } });
const shared = echoContext('shared:{id}', { cache: { ttlMs: 60_000, scope: 'Public' } });
const brief = echoContext('brief:{id}', { cache: { ttlMs: 1, scope: 'Public' } });
const blob = Buffer.from([0, 1, 2, 255]);
/** Why the signal of a slow reader fired. */
const aborted: unknown[] = [];
const fails: { error: unknown } = { error: undefined };
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    contexts: [
      ...[stock, all, cached, shared, brief].map(({ context }) => context),
      { key: 'raw:bytes', read: () => ({ content: blob, contentType: '' }) },
      { key: 'large:bytes', read: () => ({ content: Buffer.alloc(5_000_000), contentType: 'image/png' }) },
      {
        key: 'slow:answer',
        read: (_read, { signal }) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => {
              aborted.push(signal.reason?.reason ?? signal.reason?.name);
              reject(signal.reason);
            }),
          ),
      },
      {
        key: 'punctual:answer',
        read: async (_read, { deadlineMs }) => {
          await sleep(deadlineMs - Date.now() - 10);
          throw new ServiceError('DEADLINE_EXCEEDED', 'a backend has a clock of its own');
        },
      },
      {
        key: 'failing:{how}',
        cache: { ttlMs: 60_000, scope: 'Public' },
        read: async ({ segments }, call) => {
          call.warn('a warning\nof two lines');
          if (segments.how === 'not') return { content: Buffer.from('fine'), contentType: 'text/plain' };
          throw fails.error;
        },
      },
    ],
  });
});
afterAll(() => server[Symbol.asyncDispose]());

interface Asked {
  readonly parameters?: Readonly<Record<string, string | Buffer>>;
  readonly token?: string;
  readonly if_none_match?: string;
  readonly accept?: string;
}

async function ask(context_key: string, { parameters = {}, token, ...rest }: Asked = {}) {
  const values = Object.entries(parameters).map(([name, value]) => [name, Buffer.from(value)] as const);
  const capability_token = token ?? (await server.mint());
  const request = { context_key, parameters: Object.fromEntries(values), capability_token, ...rest };
  return server.contextTool.call('RequestContext', request, { deadlineMs: 5_000 });
}

const text = ({ serialized_value: value }: { readonly serialized_value: Buffer }) => value.toString();

test('a context gets the segments of its key and its parameters, with defaults', async () => {
  const answer = await ask('stock:p1:count', { parameters: { warehouse: 'NY' } });
  expect(JSON.parse(text(answer))).toEqual({ sku: 'p1', warehouse: 'NY', min_qty: 1 });
  const hash = createHash('sha256')
    .update(`application/json\n${text(answer)}`)
    .digest('base64url');
  expect(answer).toMatchObject({ content_type: 'application/json', etag: hash.slice(0, 22), cache_ttl_ms: 0 });
});

test('of two templates that fit, the one with the earlier literal answers', async () => {
  expect(JSON.parse(text(await ask('stock:all:count')))).toEqual({});
});

test.each<[string, Reason, string, Asked | undefined, string | undefined]>([
  ['a key that nobody declared', 'CONTEXT_UNKNOWN', 'stock:p1:price', undefined, undefined],
  ['a key with a segment too many', 'CONTEXT_UNKNOWN', 'stock:p1:count:now', undefined, undefined],
  ['a key outside of the grammar', 'NAME_INVALID', 'stock::count', undefined, undefined],
  ['a wildcard as a key', 'NAME_INVALID', 'stock:*:count', undefined, undefined],
  [
    'a parameter that is not declared',
    'ARGUMENT_INVALID',
    'stock:p1:count',
    { parameters: { colour: 'red' } },
    '/colour',
  ],
  ['a parameter where none is declared', 'ARGUMENT_INVALID', 'stock:all:count', { parameters: { a: '1' } }, '/a'],
  ['one that breaks its schema', 'ARGUMENT_INVALID', 'stock:p1:count', { parameters: { min_qty: '-1' } }, '/min_qty'],
  ['one that is no JSON', 'ARGUMENT_INVALID', 'stock:p1:count', { parameters: { min_qty: 'x' } }, '/min_qty'],
  ['one that is no UTF-8', 'ARGUMENT_INVALID', 'stock:p1:count', { parameters: { warehouse: blob } }, '/warehouse'],
  ['a name outside of the grammar', 'ARGUMENT_INVALID', 'stock:p1:count', { parameters: { 'a b': '1' } }, undefined],
  ['an accept of 300 characters', 'ARGUMENT_INVALID', 'raw:bytes', { accept: 'a'.repeat(300) }, 'accept'],
  ['another media type', 'NOT_ACCEPTABLE', 'stock:p1:count', { accept: 'text/csv, image/*' }, undefined],
  ['bytes of no type for a text', 'NOT_ACCEPTABLE', 'raw:bytes', { accept: 'text/plain' }, undefined],
  ['more than 4 MiB', 'LIMIT_EXCEEDED', 'large:bytes', undefined, undefined],
])('%s is refused with %s', async (_title, reason, key, asked, path) => {
  const error = await ask(key, asked).then(
    () => undefined,
    (caught: CallError) => caught,
  );
  expect(error?.reason).toBe(reason);
  if (path !== undefined) expect(error?.facts.path).toBe(path);
});

test('257 parameters are refused', async () => {
  const names = Array.from({ length: 257 }, (_, i) => [`p${i}`, '1'] as const);
  expect(await reasonOf(ask('stock:p1:count', { parameters: Object.fromEntries(names) }))).toBe('ARGUMENT_INVALID');
});

test.each<[string, Reason, () => Promise<string>]>([
  ['no token', 'CREDENTIAL_MISSING', async () => ''],
  ['text that is no token', 'TOKEN_MALFORMED', async () => 'sesame'],
  ['a token of another issuer', 'TOKEN_UNTRUSTED', () => server.mint({ iss: 'mcp2:elsewhere' })],
  ['an expired token', 'TOKEN_EXPIRED', () => server.mint({ ttlSeconds: 60 }, { nowMs: Date.now() - 61_000 })],
  ['a token of tomorrow', 'TOKEN_NOT_YET_VALID', () => server.mint({}, { nowMs: Date.now() + 86_400_000 })],
  ['a token for another server', 'AUDIENCE_MISMATCH', () => server.mint({ aud: ['Db_Other'] })],
  ['a token without the right', 'CAPABILITY_DENIED', () => server.mint({ capabilities: ['db:payroll:read'] })],
])('%s is refused with %s, for a cached answer too, the second time too', async (_title, reason, token) => {
  await ask('shared:x');
  const presented = await token();
  for (const key of ['shared:x', 'shared:x', 'stock:p1:count']) {
    expect(await reasonOf(ask(key, { token: presented }))).toBe(reason);
  }
});

test('two credentials that differ are refused', async () => {
  const request = { context_key: 'shared:x', capability_token: await server.mint() };
  const metadata = { authorization: `Bearer ${await server.mint({ sub: 'shop.other' })}` };
  for (let i = 0; i < 2; i++) {
    expect(await reasonOf(server.contextTool.call('RequestContext', request, { metadata }))).toBe(
      'CREDENTIAL_CONFLICT',
    );
  }
});

test('a proof is refused and never ignored', async () => {
  const capability_token = await server.mint();
  const request = { context_key: 'stock:p1:count', capability_token, agent_delegation_proof: 'x' };
  expect(await reasonOf(server.contextTool.call('RequestContext', request))).toBe('PROOF_UNSUPPORTED');
});

test('a right to one key of a context is enough for that key alone', async () => {
  const token = await server.mint({ capabilities: ['context:read:stock:p1:count'] });
  expect(await reasonOf(ask('stock:p1:count', { token }))).toBe('answered');
  expect(await reasonOf(ask('stock:p2:count', { token }))).toBe('CAPABILITY_DENIED');
});

test('a grant with params decides about each value', async () => {
  const grants = [
    { method: 'ContextTool.RequestContext', resource: ['stock:*:count'], params: { warehouse: { eq: 'NY' } } },
  ];
  const token = await server.mint({ grants });
  expect(await reasonOf(ask('stock:p1:count', { token, parameters: { warehouse: 'NY' } }))).toBe('answered');
  expect(await reasonOf(ask('stock:p1:count', { token, parameters: { warehouse: 'SF' } }))).toBe('CAPABILITY_DENIED');
});

describe('the cache', () => {
  test('the same question is read once, whichever token of the same subject asks, in the field or in metadata', async () => {
    const before = cached.counted.reads;
    const token = await server.mint();
    const first = await ask('cached:a', { token });
    expect(first).toMatchObject({ cache_ttl_ms: 60_000, cache_scope: CacheScope.CACHE_SCOPE_PRIVATE });
    const again = await ask('cached:a', { token });
    const fresh = await ask('cached:a', { token: await server.mint({ aud: [server.service.offer.name, 'Other'] }) });
    const metadata = { authorization: `Bearer ${token}` };
    const bare = await server.contextTool.call('RequestContext', { context_key: 'cached:a' }, { metadata });
    for (const answer of [again, fresh, bare]) expect(text(answer)).toBe(text(first));
    expect(cached.counted.reads - before).toBe(1);
    expect(again.cache_ttl_ms).toBeLessThan(60_000);
    expect(again.cache_ttl_ms).toBeGreaterThan(50_000);
  });

  test('another subject, other rights and other parameters are read anew; a default is no other parameter', async () => {
    const read = async (asked: Asked) => {
      const before = cached.counted.reads;
      await ask('cached:b', asked);
      return cached.counted.reads - before;
    };
    expect(await read({})).toBe(1);
    expect(await read({ parameters: { min_qty: '1' } })).toBe(0);
    expect(await read({ parameters: { min_qty: '2' } })).toBe(1);
    expect(await read({ token: await server.mint({ sub: 'shop.other' }) })).toBe(1);
    expect(await read({ token: await server.mint({ capabilities: ['db:cached:read'] }) })).toBe(1);
    expect(await read({ accept: 'application/json' })).toBe(1);
  });

  test('a public answer is for everybody who is authorized', async () => {
    await ask('shared:p');
    const before = shared.counted.reads;
    const token = await server.mint({ sub: 'shop.other', capabilities: ['db:shared:read'] });
    expect((await ask('shared:p', { token })).cache_scope).toBe(CacheScope.CACHE_SCOPE_PUBLIC);
    expect(shared.counted.reads).toBe(before);
    const stranger = await server.mint({ capabilities: ['db:stock:read'] });
    expect(await reasonOf(ask('shared:p', { token: stranger }))).toBe('CAPABILITY_DENIED');
  });

  test('the etag of a current copy gets no bytes, from the cache and from the reader', async () => {
    for (const key of ['cached:e', 'stock:p1:count']) {
      const { etag } = await ask(key);
      for (let i = 0; i < 2; i++) {
        expect(await ask(key, { if_none_match: etag })).toMatchObject({ etag, serialized_value: Buffer.alloc(0) });
      }
      expect((await ask(key, { if_none_match: 'other' })).serialized_value.length).toBeGreaterThan(0);
    }
  });

  test('an answer whose time is over is read anew', async () => {
    const token = await server.mint();
    const before = brief.counted.reads;
    await eventually(
      async () => {
        await ask('brief:x', { token });
        return brief.counted.reads - before;
      },
      (reads) => reads > 1,
    );
  });

  test('calls that ask for the same while it is read wait for that one reading, and go on when it fails', async () => {
    const readings: PromiseWithResolvers<ContextAnswer>[] = [];
    const declared: ContextDeclaration = {
      key: 'awaited:{id}',
      cache: { ttlMs: 60_000, scope: 'Private' },
      read: () => {
        const reading = Promise.withResolvers<ContextAnswer>();
        readings.push(reading);
        return reading.promise;
      },
    };
    await using other = await startTestServer({ contexts: [declared] });
    const capability_token = await other.mint();
    const read = () =>
      reasonOf(other.contextTool.call('RequestContext', { context_key: 'awaited:x', capability_token }));
    const readingsAre = (wanted: number) =>
      eventually(
        () => readings.length,
        (count) => count === wanted,
      );
    const first = read();
    await readingsAre(1);
    // With a token that is known by now these are at the reading in the tick in which they come.
    const calls = [first, read(), read()];
    await eventually(other.metrics, (text) => /started_total\{[^}]*RequestContext[^}]*\} 3/.test(text));
    expect(readings).toHaveLength(1);
    readings[0]?.reject(new ServiceError('BACKEND_UNAVAILABLE', 'away'));
    await readingsAre(2);
    readings[1]?.resolve({ content: Buffer.from('1'), contentType: '' });
    const reasons = await Promise.all(calls);
    expect(reasons.sort()).toEqual(['BACKEND_UNAVAILABLE', 'answered', 'answered']);
    expect(readings).toHaveLength(2);
  });

  test('an error is never kept, and what was not foreseen is told without detail', async () => {
    fails.error = new ServiceError('BACKEND_UNAVAILABLE', 'away');
    expect(await reasonOf(ask('failing:x'))).toBe('BACKEND_UNAVAILABLE');
    fails.error = new Error('a secret detail');
    const error = await ask('failing:x').catch((caught: CallError) => caught);
    expect(error).toMatchObject({ reason: 'INTERNAL', message: expect.not.stringContaining('secret') });
    fails.error = new ToolFailed('NO', 'contexts do not fail like that');
    expect(await reasonOf(ask('failing:x'))).toBe('INTERNAL');
    expect((await ask('failing:not')).metadata).toEqual(['warning:a warning of two lines']);
  });

  test('hits and misses are counted', async () => {
    const read = async () => {
      const lines = await server.metrics();
      const of = (result: string) =>
        Number(new RegExp(`requests_total\\{[^}]*result="${result}"[^}]*\\} (\\d+)`).exec(lines)?.[1]);
      return { hit: of('hit'), miss: of('miss') };
    };
    const before = await read();
    await ask('cached:counted');
    await ask('cached:counted');
    expect(await read()).toEqual({ hit: before.hit + 1, miss: before.miss + 1 });
  });
});

test('accept takes exact types, ranges and lists, whatever their case and weight', async () => {
  for (const accept of ['application/json', 'Application/*', '*/*', 'text/csv;q=0.5, application/json;q=0.1']) {
    expect(await reasonOf(ask('stock:p1:count', { accept }))).toBe('answered');
  }
  expect(await reasonOf(ask('stock:p1:count', { accept: '*/*, application/json;q=0' }))).toBe('NOT_ACCEPTABLE');
});

test('the signal of a reader fires when its caller leaves and when the deadline passes', async () => {
  const capability_token = await server.mint();
  const slow = (settings: object) =>
    server.contextTool.call('RequestContext', { context_key: 'slow:answer', capability_token }, settings);
  const last = (reason: string) =>
    eventually(
      () => aborted.at(-1),
      (seen) => seen === reason,
    );
  expect(await reasonOf(slow({ deadlineMs: 50 }))).toBe('DEADLINE_EXCEEDED');
  await last('DEADLINE_EXCEEDED');
  const leaving = new AbortController();
  const left = slow({ signal: leaving.signal });
  setTimeout(() => leaving.abort(new Error('left')), 20);
  await expect(left).rejects.toThrow('left');
  await last('CallCancelled');
});

test('a call whose token ends while it runs ends with it', async () => {
  const token = await server.mint({ ttlSeconds: 2 });
  expect(await reasonOf(ask('slow:answer', { token }))).toBe('TOKEN_EXPIRED');
  expect(aborted.at(-1)).toBe('TOKEN_EXPIRED');
});

test('a reader that gives up at its deadline, which is the end of the token, gives up for that', async () => {
  const token = await server.mint({ ttlSeconds: 2 });
  expect(await reasonOf(ask('punctual:answer', { token }))).toBe('TOKEN_EXPIRED');
  expect(
    await reasonOf(
      server.contextTool.call(
        'RequestContext',
        { context_key: 'punctual:answer', capability_token: await server.mint() },
        { deadlineMs: 300 },
      ),
    ),
  ).toBe('DEADLINE_EXCEEDED');
});

test('a reload changes what is answered at one moment, and forgets what was kept', async () => {
  await using other = await startTestServer({ contexts: [cached.context] });
  const capability_token = await other.mint();
  const read = (context_key: string) => other.contextTool.call('RequestContext', { context_key, capability_token });
  await read('cached:r');
  await read('cached:r');
  const renewed = { ...cached.context, read: () => ({ content: Buffer.from('2'), contentType: 'text/plain' }) };
  other.service.replace(offerOf({ contexts: [renewed] }));
  expect(text(await read('cached:r'))).toBe('2');
  expect(other.service.generation).toBe(2);
  other.service.replace(offerOf({ contexts: [stock.context] }));
  expect(await reasonOf(read('cached:r'))).toBe('CONTEXT_UNKNOWN');
});

test('middleware sees every allowed call as a message, cached ones too, and no denied one', async () => {
  const seen: unknown[] = [];
  await using other = await startTestServer(
    { contexts: [cached.context] },
    {
      middleware: [
        (next, { name }) =>
          (request, call) => {
            seen.push([name, (request as { readonly context_key?: string }).context_key]);
            return next(request, call);
          },
      ],
    },
  );
  const capability_token = await other.mint();
  const read = (token: string) =>
    reasonOf(other.contextTool.call('RequestContext', { context_key: 'cached:m', capability_token: token }));
  expect([await read(capability_token), await read(capability_token), await read('')]).toEqual([
    'answered',
    'answered',
    'CREDENTIAL_MISSING',
  ]);
  expect(seen).toEqual([
    ['ContextTool.RequestContext', 'cached:m'],
    ['ContextTool.RequestContext', 'cached:m'],
  ]);
});
