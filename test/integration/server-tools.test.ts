/** InvokeTool over a real connection: every reason that needs no backend, results, kept answers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Reason, ServiceError } from '#lib/errors.ts';
import type { CallError } from '#lib/grpc/call-error.ts';
import type { ToolRequest } from '#protos/generated/mcp2/ToolRequest.ts';
import type { JsonObject, ToolAnswer, ToolCall, ToolDeclaration } from '#sdk/server/declaration.ts';
import { ToolFailed } from '#sdk/server/tool-failed.ts';
import { offerOf, reasonOf, startTestServer, type TestServer } from '../harness/context-tool-server.ts';
import { eventually } from '../harness/eventually.ts';

const INPUT = {
  type: 'object',
  properties: {
    sku: { type: 'string' },
    count: { type: 'integer', minimum: 0, default: 1 },
    tags: { type: 'array', items: { type: 'string' } },
    either: { type: ['string', 'integer'] },
  },
  required: ['sku'],
};
let server: TestServer;
/** What the tools ran with, newest last. */
const runs: { readonly args: JsonObject; readonly call: ToolCall }[] = [];
let behave: (args: JsonObject, call: ToolCall) => ToolAnswer | Promise<ToolAnswer>;

const ok = (outputs: Record<string, Buffer> = {}): ToolAnswer => ({ success: true, outputs });
const echo: typeof behave = (args) => ok({ args: Buffer.from(JSON.stringify(args)) });

function tool(name: string, more: Partial<ToolDeclaration> = {}): ToolDeclaration {
  const run = (args: JsonObject, call: ToolCall) => {
    runs.push({ args, call });
    return behave(args, call);
  };
  return { name, input: INPUT, idempotency: 'instance', run, ...more };
}

const OUTPUT = {
  type: 'object',
  properties: { price: { type: 'number' }, note: { type: ['string', 'object'], maxLength: 5 } },
  required: ['price'],
};

beforeAll(async () => {
  server = await startTestServer({
    tools: [
      tool('echo'),
      tool('any', { input: undefined }),
      tool('priced', { output: OUTPUT }),
      tool('listed', { output: { type: 'array', items: { type: 'integer' } } }),
      tool('kept_by_itself', { idempotency: 'shared' }),
    ],
  });
});
afterAll(() => server[Symbol.asyncDispose]());

type Wanted = Omit<ToolRequest, 'arguments'> & { readonly args?: Readonly<Record<string, string | Buffer>> };

async function invoke({ args = { sku: 'p1' }, ...rest }: Wanted = {}, settings: object = { deadlineMs: 5_000 }) {
  const values = Object.entries(args).map(([name, value]) => [name, Buffer.from(value)] as const);
  const request = {
    tool_name: 'echo',
    arguments: Object.fromEntries(values),
    capability_token: await server.mint(),
    ...rest,
  };
  return server.contextTool.call('InvokeTool', request, settings);
}

function behaveAs(next: typeof behave): void {
  behave = next;
  runs.length = 0;
}

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: CallError) => error,
  );

test('arguments arrive with their types and defaults, texts as they are, others as JSON', async () => {
  behaveAs(echo);
  const args = { sku: '42', tags: '["a"]', either: '7' };
  const answer = await invoke({ args, argument_encoding: { either: 1 } });
  expect(JSON.parse(String(answer.outputs.args))).toEqual({ sku: '42', count: 1, tags: ['a'], either: 7 });
  expect(answer).toMatchObject({ success: true, error_code: '', warnings: [] });
  expect(answer.invocation_id).toBe(runs[0]?.call.invocationId);
  const whole = await invoke({ args: {}, arguments_json: Buffer.from('{"sku":"42","a b":[1]}') });
  expect(JSON.parse(String(whole.outputs.args))).toEqual({ sku: '42', count: 1, 'a b': [1] });
});

test('a tool without an input schema takes any object, and none', async () => {
  behaveAs(echo);
  await invoke({ tool_name: 'any', args: {}, has_arguments: true });
  await invoke({ tool_name: 'any', args: { x: 'y' } });
  expect(runs.map(({ args }) => args)).toEqual([{}, { x: 'y' }]);
});

test.each<[string, Reason, Wanted, string | undefined]>([
  ['a tool that nobody declared', 'TOOL_UNKNOWN', { tool_name: 'other' }, undefined],
  ['the name of a prototype', 'TOOL_UNKNOWN', { tool_name: 'constructor' }, undefined],
  ['a name outside of the grammar', 'NAME_INVALID', { tool_name: 'a:b' }, undefined],
  ['no name', 'NAME_INVALID', { tool_name: '' }, undefined],
  ['a schema that changed', 'SCHEMA_CHANGED', { schema_hash: Buffer.alloc(32) }, undefined],
  ['half a hash', 'SCHEMA_CHANGED', { schema_hash: Buffer.alloc(3) }, undefined],
  ['a missing argument', 'ARGUMENT_INVALID', { args: {} }, undefined],
  ['an argument of another type', 'ARGUMENT_INVALID', { args: { sku: 'a', count: '1.5' } }, '/count'],
  ['an argument that is no JSON', 'ARGUMENT_INVALID', { args: { sku: 'a', tags: '[' } }, '/tags'],
  ['a member deep inside', 'ARGUMENT_INVALID', { args: { sku: 'a', tags: '["b",1]' } }, '/tags/1'],
  ['two ways at once', 'ARGUMENT_INVALID', { arguments_json: Buffer.from('{}') }, undefined],
  ['arguments_json that is no object', 'ARGUMENT_INVALID', { args: {}, arguments_json: Buffer.from('[]') }, undefined],
  ['an unknown encoding', 'ARGUMENT_INVALID', { argument_encoding: { sku: 7 as 1 } }, '/sku'],
  ['a key of 129 bytes', 'ARGUMENT_INVALID', { idempotency_key: 'ä'.repeat(65) }, 'idempotency_key'],
])('%s is refused with %s', async (_title, reason, wanted, path) => {
  behaveAs(echo);
  const error = await errorOf(invoke(wanted));
  expect(error?.reason).toBe(reason);
  if (path !== undefined) expect(error?.facts.path).toBe(path);
  expect(runs).toEqual([]);
});

test('hostile names and values stay what they are', async () => {
  behaveAs(echo);
  expect(await reasonOf(invoke({ args: { sku: 'a', ['__proto__']: 'x' } }))).toBe('ARGUMENT_INVALID');
  const json = Buffer.from('{"sku":"a","__proto__":{"polluted":true},"constructor":1}');
  await invoke({ args: {}, arguments_json: json }).catch(() => undefined);
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  const nested = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  expect(await reasonOf(invoke({ args: { sku: 'a', tags: nested } }))).toBe('ARGUMENT_INVALID');
  const twice = Buffer.from('{"sku":"a","sku":"b"}');
  expect(await reasonOf(invoke({ args: {}, arguments_json: twice }))).toBe('ARGUMENT_INVALID');
  expect(await reasonOf(invoke({ args: { sku: Buffer.from([0xff]) } }))).toBe('ARGUMENT_INVALID');
  expect(await reasonOf(invoke({ args: { sku: 'a\u0000b' } }))).toBe('answered');
});

test.each<[string, Reason, () => Promise<string>]>([
  ['no token', 'CREDENTIAL_MISSING', async () => ''],
  ['an expired token', 'TOKEN_EXPIRED', () => server.mint({ ttlSeconds: 60 }, { nowMs: Date.now() - 61_000 })],
  ['a token for another server', 'AUDIENCE_MISMATCH', () => server.mint({ aud: ['Db_Other'] })],
  ['a token for another tool', 'CAPABILITY_DENIED', () => server.mint({ capabilities: ['tool:any'] })],
])('%s is refused with %s, and nothing runs', async (_title, reason, token) => {
  behaveAs(echo);
  expect(await reasonOf(invoke({ capability_token: await token() }))).toBe(reason);
  expect(runs).toEqual([]);
});

test('a grant with params permits its arguments alone, and never all in one', async () => {
  behaveAs(echo);
  const grants = [{ method: 'ContextTool.InvokeTool', resource: ['echo'], params: { sku: { eq: 'p1' } } }];
  const capability_token = await server.mint({ grants });
  expect(await reasonOf(invoke({ capability_token }))).toBe('answered');
  expect(await reasonOf(invoke({ capability_token, args: { sku: 'p2' } }))).toBe('CAPABILITY_DENIED');
  const json = Buffer.from('{"sku":"p1"}');
  const whole = invoke({ capability_token, args: {}, arguments_json: json });
  expect(await reasonOf(whole)).toBe('CAPABILITY_DENIED');
});

test('a pinned schema that holds is let through, and each answer names it', async () => {
  behaveAs(echo);
  const { schema_hash } = await invoke();
  expect(schema_hash.length).toBe(32);
  expect(await reasonOf(invoke({ schema_hash }))).toBe('answered');
});

test('a tool that ran and failed is an answer', async () => {
  behaveAs(() => {
    throw new ToolFailed('OUT_OF_STOCK', 'nothing left');
  });
  const failed = { success: false, error_code: 'OUT_OF_STOCK', warnings: ['nothing left'] };
  expect(await invoke()).toMatchObject(failed);
  behaveAs(async (_args, call) => {
    call.warn('first');
    throw Object.assign(new Error('nothing left'), { name: 'ToolFailed', code: 'OUT_OF_STOCK' });
  });
  expect(await invoke()).toMatchObject({ ...failed, warnings: ['nothing left', 'first'] });
});

test('an error of the service is its status, any other is INTERNAL without detail and logged once', async () => {
  behaveAs(() => {
    throw new ServiceError('BACKEND_UNAVAILABLE', 'the database is away');
  });
  expect(await errorOf(invoke())).toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  const before = server.log.length;
  behaveAs(async () => {
    throw new TypeError('a secret detail');
  });
  expect(await errorOf(invoke())).toMatchObject({ reason: 'INTERNAL', message: expect.not.stringContaining('secret') });
  const lines = server.log.slice(before).filter(({ level }) => level === 'error');
  expect(lines).toEqual([expect.objectContaining({ err: expect.objectContaining({ message: 'a secret detail' }) })]);
});

test('results: outputs, one JSON value, pieces to show', async () => {
  behaveAs(() => ({
    success: true,
    outputs: {},
    structured: Buffer.from('[1,2]'),
    content: [
      { text: 'hello' },
      { image: Buffer.from([1]), mimeType: 'image/png' },
      { blob: Buffer.from([2]), mimeType: 'application/pdf', uri: 'file:///a' },
    ],
  }));
  const answer = await invoke({ tool_name: 'listed' });
  expect(answer.structured_json.toString()).toBe('[1,2]');
  expect(answer.content).toMatchObject([
    { text: { content: 'hello', last: true } },
    { image: { jpeg_data: Buffer.from([1]), mime_type: 'image/png' } },
    { blob: { data: Buffer.from([2]), mime_type: 'application/pdf' }, uri: 'file:///a' },
  ]);
});

test('a result that breaks the output schema is INTERNAL, and the log says where', async () => {
  const answerWith = (outputs: Record<string, Buffer>) => behaveAs(() => ok(outputs));
  answerWith({ price: Buffer.from('1.5'), note: Buffer.from('short') });
  expect(await reasonOf(invoke({ tool_name: 'priced' }))).toBe('answered');
  answerWith({ price: Buffer.from('1.5'), note: Buffer.from('{"long":"object"}') });
  expect(await reasonOf(invoke({ tool_name: 'priced' }))).toBe('answered');
  for (const outputs of [
    {},
    { price: Buffer.from('"x"') },
    { price: Buffer.from('1'), note: Buffer.from('too long') },
  ]) {
    answerWith(outputs as Record<string, Buffer>);
    expect(await reasonOf(invoke({ tool_name: 'priced' }))).toBe('INTERNAL');
    expect(JSON.stringify(server.log.at(-1))).toContain('broke its output schema');
  }
});

test('a result over 4 MiB is LIMIT_EXCEEDED', async () => {
  behaveAs(() => ok({ a: Buffer.alloc(2_500_000), b: Buffer.alloc(2_500_000) }));
  expect(await reasonOf(invoke())).toBe('LIMIT_EXCEEDED');
});

test('the signal of a tool fires when its caller leaves', async () => {
  const aborted = Promise.withResolvers<unknown>();
  behaveAs(
    (_args, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.resolve(signal.reason);
          reject(signal.reason);
        });
      }),
  );
  const leaving = new AbortController();
  const call = invoke({}, { signal: leaving.signal });
  await eventually(
    () => runs.length,
    (count) => count === 1,
  );
  leaving.abort(new Error('left'));
  await expect(call).rejects.toThrow('left');
  expect(await aborted.promise).toMatchObject({ name: 'CallCancelled' });
});

describe('calls with an idempotency key', () => {
  let last = 0;
  const newKey = () => {
    last += 1;
    return `key-${last}`;
  };

  test('a second call gets the first answer and runs nothing, under a fresh token and in the other form too', async () => {
    behaveAs(echo);
    const idempotency_key = newKey();
    const first = await invoke({ idempotency_key });
    const again = await invoke({ idempotency_key });
    const json = Buffer.from('{"count":1,"sku":"p1"}');
    const whole = await invoke({ idempotency_key, args: {}, arguments_json: json });
    expect([again, whole]).toEqual([first, first]);
    expect(runs).toHaveLength(1);
    expect(runs[0]?.call).toMatchObject({ idempotencyKey: idempotency_key, keyed: undefined });
  });

  test('the same key with other arguments is a conflict; with another subject or tool it is another call', async () => {
    behaveAs(echo);
    const idempotency_key = newKey();
    await invoke({ idempotency_key });
    expect(await reasonOf(invoke({ idempotency_key, args: { sku: 'p2' } }))).toBe('IDEMPOTENCY_CONFLICT');
    const other = await server.mint({ sub: 'shop.other' });
    expect(await reasonOf(invoke({ idempotency_key, args: { sku: 'p2' }, capability_token: other }))).toBe('answered');
    expect(await reasonOf(invoke({ idempotency_key, args: { sku: 'p2' }, tool_name: 'any' }))).toBe('answered');
    expect(runs).toHaveLength(3);
  });

  test('calls that come while the first runs wait for it, also when it has lost its caller', async () => {
    const answer = Promise.withResolvers<ToolAnswer>();
    behaveAs(() => answer.promise);
    const idempotency_key = newKey();
    const leaving = new AbortController();
    const first = invoke({ idempotency_key }, { signal: leaving.signal });
    await eventually(
      () => runs.length,
      (count) => count === 1,
    );
    const others = [invoke({ idempotency_key }), invoke({ idempotency_key })];
    const conflict = invoke({ idempotency_key, args: { sku: 'p2' } });
    expect(await reasonOf(conflict)).toBe('IDEMPOTENCY_CONFLICT');
    leaving.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    answer.resolve(ok({ done: Buffer.from('1') }));
    for (const other of others) expect(String((await other).outputs.done)).toBe('1');
    expect(runs).toHaveLength(1);
  });

  test('a failure that the tool tells is kept, an error is not, and who waited for it runs', async () => {
    behaveAs(() => {
      throw new ToolFailed('NO', 'no');
    });
    const told = newKey();
    for (let i = 0; i < 2; i++) expect(await invoke({ idempotency_key: told })).toMatchObject({ error_code: 'NO' });
    expect(runs).toHaveLength(1);
    const failing = Promise.withResolvers<ToolAnswer>();
    const broken = newKey();
    behaveAs(() => (runs.length === 1 ? failing.promise : ok()));
    const first = invoke({ idempotency_key: broken });
    await eventually(
      () => runs.length,
      (count) => count === 1,
    );
    const second = invoke({ idempotency_key: broken });
    failing.reject(new ServiceError('BACKEND_UNAVAILABLE', 'away'));
    expect(await reasonOf(first)).toBe('BACKEND_UNAVAILABLE');
    expect(await reasonOf(second)).toBe('answered');
    expect(runs).toHaveLength(2);
  });

  test.each<[Reason, () => ToolAnswer]>([
    [
      'OUTCOME_UNKNOWN',
      () => {
        throw new ServiceError('OUTCOME_UNKNOWN', 'the connection broke');
      },
    ],
    ['LIMIT_EXCEEDED', () => ok({ a: Buffer.alloc(5_000_000) })],
  ])('%s is kept: who asks again must not run it again', async (reason, answer) => {
    behaveAs(answer);
    const idempotency_key = newKey();
    for (let i = 0; i < 2; i++) expect(await reasonOf(invoke({ idempotency_key }))).toBe(reason);
    expect(runs).toHaveLength(1);
  });

  test('an answer that breaks the output schema is kept as the error that it was', async () => {
    behaveAs(() => ok());
    const wanted = { idempotency_key: newKey(), tool_name: 'priced' };
    for (let i = 0; i < 2; i++) expect(await reasonOf(invoke(wanted))).toBe('INTERNAL');
    expect(runs).toHaveLength(1);
  });

  test('a tool that keeps its answers itself is told how to recognize the call, and always runs', async () => {
    behaveAs(echo);
    const idempotency_key = newKey();
    for (const token of [await server.mint(), await server.mint()]) {
      await invoke({ idempotency_key, tool_name: 'kept_by_itself', capability_token: token });
    }
    await invoke({ idempotency_key, tool_name: 'kept_by_itself', args: { sku: 'p2' } });
    await invoke({ tool_name: 'kept_by_itself' });
    const [a, b, c, d] = runs.map(({ call }) => call.keyed);
    expect(a).toMatchObject({ id: expect.stringMatching(/^[\w-]{43}$/) });
    expect(b).toEqual(a);
    expect(c).toMatchObject({ id: a?.id });
    expect(c?.argumentsHash).not.toBe(a?.argumentsHash);
    expect(d).toBeUndefined();
  });

  test('a kept answer holds over a reload, unless the schema changed', async () => {
    const tools = (input: object) => [tool('echo', { input: input as Record<string, unknown> })];
    await using other = await startTestServer({ tools: tools(INPUT) });
    behaveAs(echo);
    const capability_token = await other.mint();
    const call = () =>
      other.contextTool.call('InvokeTool', {
        tool_name: 'echo',
        arguments: { sku: Buffer.from('a') },
        idempotency_key: 'reloaded',
        capability_token,
      });
    await call();
    other.service.replace(offerOf({ tools: tools(INPUT), version: '2.0.0' }));
    await call();
    expect(runs).toHaveLength(1);
    other.service.replace(offerOf({ tools: tools({ ...INPUT, description: 'changed' }) }));
    await call();
    expect(runs).toHaveLength(2);
  });

  test('repeats are counted', async () => {
    expect(await server.metrics()).toMatch(/mcp2_tool_repeats_total\{[^}]*\} [1-9]/);
  });
});
