/** `tool()` on a real registry and real servers behind proxies that break: what is sent again, where, and what never is. */
import { status } from '@grpc/grpc-js';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import type { ToolRequest__Output } from '#protos/generated/mcp2/ToolRequest.ts';
import type { ToolResponse } from '#protos/generated/mcp2/ToolResponse.ts';
import { CallError, ToolFailure } from '#sdk/client/index.ts';
import { type DiscoveryFixture, startDiscovery } from '../harness/discovery-fixture.ts';

let discovery: DiscoveryFixture;
beforeEach(async () => {
  discovery = await startDiscovery();
  onTestFinished(() => discovery[Symbol.asyncDispose]());
});

const cardOf = (tool: object) => () => ({
  name: '',
  version: '1.0.0',
  protocol: 'mcp2/1',
  services: ['ContextTool'],
  capabilities: ['tool:order'],
  tools: [{ name: 'order', ...tool }],
});

const OK: ToolResponse = { success: true };

/** A server whose first call runs and then loses its connection before the answer is out. */
async function serveBreakingOnce(name: string, card: object) {
  const runs: ToolRequest__Output[] = [];
  let shouldBreak = true;
  const server = await discovery.serve(name, {
    card: cardOf(card),
    tool: async (request) => {
      runs.push(request);
      if (shouldBreak) {
        shouldBreak = false;
        setImmediate(server.proxy.cut);
        return new Promise<never>(() => undefined);
      }
      return OK;
    },
  });
  return { ...server, runs };
}

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => new Error('it was answered'),
    (caught: unknown) => caught,
  );
  if (error instanceof CallError) return error;
  throw error;
}

test('arguments travel by their types, and outputs are read by the output schema of the card', async () => {
  const requests: ToolRequest__Output[] = [];
  let cards = 0;
  await discovery.serve('Db_One', {
    card: () => {
      cards += 1;
      return cardOf({
        output_schema: { properties: { sku: { type: 'string' }, label: { type: 'string', format: 'byte' } } },
      })();
    },
    tool: async (request) => {
      requests.push(request);
      const outputs = { sku: Buffer.from('42'), price: Buffer.from('95.8'), label: Buffer.from('PDF') };
      return { ...OK, outputs, warnings: ['slow'], invocation_id: 'run-1' };
    },
  });
  const mcp2 = await discovery.connect();
  const result = await mcp2.tool<{ price: number }>('order', {
    sku: '42',
    count: 2,
    photo: Buffer.of(255),
    note: undefined,
  });
  expect(result).toMatchObject({
    value: { sku: '42', price: 95.8, label: Buffer.from('PDF') },
    warnings: ['slow'],
    invocationId: 'run-1',
    server: 'Db_One',
  });
  expect(result.outputs.price?.toString()).toBe('95.8');
  expect(requests[0]).toMatchObject({
    tool_name: 'order',
    arguments: { sku: Buffer.from('42'), count: Buffer.from('2'), photo: Buffer.of(255) },
    argument_encoding: { count: 1 },
    has_arguments: true,
    idempotency_key: '',
  });
  await mcp2.tool('order', { sku: '43' });
  expect(cards).toBe(1);
});

test('without a card JSON is read as JSON and other text as text; a result that is no object is its value', async () => {
  let answer: ToolResponse = { ...OK, outputs: { sku: Buffer.from('42'), note: Buffer.from('NY') } };
  await discovery.serve('Db_One', { tool: async () => answer });
  const mcp2 = await discovery.connect();
  expect((await mcp2.tool('order')).value).toEqual({ sku: 42, note: 'NY' });
  answer = { ...OK, structured_json: Buffer.from('[1,2]') };
  expect((await mcp2.tool('order')).value).toEqual([1, 2]);
});

test('a tool that ran and failed is a ToolFailure with its code, not a failed call', async () => {
  const warnings = ['there is no product "x"'];
  await discovery.serve('Db_One', {
    tool: async () => ({ success: false, error_code: 'SKU_UNKNOWN', warnings, invocation_id: 'run-1' }),
  });
  const mcp2 = await discovery.connect();
  const error = await mcp2.tool('order').catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ToolFailure);
  expect(error).toMatchObject({
    ...{
      code: 'SKU_UNKNOWN',
      message: 'there is no product "x"',
      server: 'Db_One',
      tool: 'order',
      invocationId: 'run-1',
    },
  });
});

test.each([
  ['nothing is known of it', {}, {}],
  ['it has a key, and nobody keeps answers', {}, { idempotencyKey: 'k' }],
  ['answers are kept, and it has no key', { idempotency: 'shared' }, {}],
  ['its caller says that it may not', { annotations: { idempotent: true } }, { idempotent: false }],
])('a call that may have been carried out is not sent again where %s', async (_title, card, options) => {
  const one = await serveBreakingOnce('Db_One', card);
  const mcp2 = await discovery.connect();
  expect(await failureOf(mcp2.tool('order', {}, options))).toMatchObject({
    code: status.UNAVAILABLE,
    reachedServer: true,
    tried: [`Db_One at ${one.address}`],
  });
  expect(one.runs).toHaveLength(1);
});

test.each([
  ['its card says that it is idempotent', { annotations: { idempotent: true } }, {}],
  ['its caller says so', {}, { idempotent: true }],
])('a call that may have been carried out goes on to any server where %s', async (_title, card, options) => {
  const one = await serveBreakingOnce('Db_One', card);
  const two = await discovery.serve('Db_Two', {});
  const mcp2 = await discovery.connect();
  const endpoints = await preferring(mcp2, one.address);
  expect((await mcp2.tool('order', {}, { ...options, endpoints })).server).toBe('Db_Two');
  expect([one.runs.length, two.calls()]).toEqual([1, 1]);
});

test('with a key that the server’s replicas share, the call goes on to a replica of that server and to no other server', async () => {
  const card = { idempotency: 'shared' };
  const first = await serveBreakingOnce('Db_One', card);
  const second = await discovery.serve('Db_One', { card: cardOf(card) });
  const other = await discovery.serve('Db_Two', { card: cardOf(card) });
  const mcp2 = await discovery.connect();
  const endpoints = await preferring(mcp2, first.address);
  const result = await mcp2.tool('order', { n: 1 }, { endpoints, idempotencyKey: 'k1' });
  expect(result.server).toBe('Db_One');
  expect([first.runs.length, second.calls(), other.calls()]).toEqual([1, 1, 0]);
  expect(first.runs[0]?.idempotency_key).toBe('k1');
});

test('with a key that one process keeps, the call goes to that process again and to no other', async () => {
  const card = { idempotency: 'instance' };
  const first = await serveBreakingOnce('Db_One', card);
  const second = await discovery.serve('Db_One', { card: cardOf(card) });
  const mcp2 = await discovery.connect();
  const endpoints = await preferring(mcp2, first.address);
  await mcp2.tool('order', {}, { endpoints, idempotencyKey: true });
  expect([first.runs.length, second.calls()]).toEqual([2, 0]);
  const keys = first.runs.map(({ idempotency_key }) => idempotency_key);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys[1]).toBe(keys[0]);
});

test('a process that keeps the key and does not come back: no other gets the call', async () => {
  const card = { idempotency: 'instance' };
  const runs: string[] = [];
  const first = await discovery.serve('Db_One', {
    card: cardOf(card),
    tool: async () => {
      runs.push('first');
      setImmediate(() => first.proxy.refuse());
      return new Promise<never>(() => undefined);
    },
  });
  const second = await discovery.serve('Db_One', { card: cardOf(card) });
  const mcp2 = await discovery.connect();
  const endpoints = await preferring(mcp2, first.address);
  const error = await failureOf(mcp2.tool('order', {}, { endpoints, idempotencyKey: 'k' }));
  expect(error.code).toBe(status.UNAVAILABLE);
  expect(new Set(error.tried)).toEqual(new Set([`Db_One at ${first.address}`]));
  expect([runs, second.calls()]).toEqual([['first'], 0]);
});

test('a call that reached nobody goes on to another server, whatever the tool', async () => {
  const [one, two] = [await discovery.serve('Db_One', {}), await discovery.serve('Db_Two', {})];
  await one.proxy.refuse();
  const mcp2 = await discovery.connect();
  for (let call = 0; call < 6; call += 1) expect((await mcp2.tool('order')).server).toBe('Db_Two');
  expect(two.calls()).toBe(6);
});

test('a refusal is never sent again', async () => {
  const one = await discovery.serve('Db_One', {
    card: cardOf({ annotations: { idempotent: true }, idempotency: 'shared' }),
    tool: async () => {
      throw new ServiceError('OUTCOME_UNKNOWN', 'the order may have been placed');
    },
  });
  const mcp2 = await discovery.connect();
  const error = await failureOf(mcp2.tool('order', {}, { idempotencyKey: 'k' }));
  expect(error).toMatchObject({ code: status.UNKNOWN, reason: 'OUTCOME_UNKNOWN' });
  expect(one.calls()).toBe(1);
});

test('the card tells contexts, tools and rights, by the server’s name alone', async () => {
  const contexts = [
    { key: 'inventory:{sku}:stock', required_capabilities: ['db:inventory:read'], content_type: 'application/json' },
  ];
  await discovery.serve('Db_One', {
    card: () => ({
      ...cardOf({ description: 'Orders.', schema_hash: 'ab', idempotency: 'instance' })(),
      contexts,
      unheard: 1,
    }),
  });
  await discovery.serve('Db_Two', {});
  const mcp2 = await discovery.connect();
  const card = await mcp2.card('Db_One');
  expect(card).toMatchObject({
    version: '1.0.0',
    contexts: [{ key: 'inventory:{sku}:stock', requiredCapabilities: ['db:inventory:read'] }],
    tools: [
      {
        name: 'order',
        description: 'Orders.',
        schemaHash: 'ab',
        idempotency: 'instance',
        requiredCapability: 'tool:order',
      },
    ],
  });
  expect(JSON.parse(card.json)).toMatchObject({ unheard: 1 });
  expect(await failureOf(mcp2.card('Db_Two'))).toMatchObject({ reason: 'UNIMPLEMENTED' });
  expect(await failureOf(mcp2.card('Db_Nobody'))).toMatchObject({ reason: 'NO_ENDPOINT' });
});

test('what is wrong with a call is said without a call', async () => {
  const one = await discovery.serve('Db_One', {});
  const mcp2 = await discovery.connect();
  expect(await failureOf(mcp2.tool('no/tool'))).toMatchObject({ reason: 'NAME_INVALID', reachedServer: false });
  expect(await failureOf(mcp2.tool('order', {}, { idempotencyKey: 'k'.repeat(129) }))).toMatchObject({
    reason: 'ARGUMENT_INVALID',
  });
  expect(await failureOf(mcp2.tool('refund'))).toMatchObject({ reason: 'CAPABILITY_DENIED', reachedServer: false });
  await expect(mcp2.tool('order', { a: () => 1 })).rejects.toThrow(TypeError);
  expect(one.calls()).toBe(0);
});

/** The one at this address is much faster as far as anybody knows, so that it is chosen. */
async function preferring(mcp2: Awaited<ReturnType<DiscoveryFixture['connect']>>, address: string) {
  const endpoints = await mcp2.endpoints({ capability: 'tool:order' });
  // Two are drawn by weight, and the faster of them is taken.
  return endpoints.map((endpoint) => {
    const isPreferred = endpoint.grpc_url === address;
    return { ...endpoint, latency_ms: isPreferred ? 1 : 1_000_000, weight: isPreferred ? 10_000_000 : 1 };
  });
}
