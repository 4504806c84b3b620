/** What the RPCs answer from a database, to the byte. */
import { createHash, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { type Texts, textsOf } from '../../harness/context-tool-calls.ts';
import { reasonOf } from '../../harness/context-tool-server.ts';
import { eventually } from '../../harness/eventually.ts';
import type { RpcEngine, RpcTests } from './rpc-engine.ts';

const PRIVATE = 0;
const JSON_TYPE = 'application/json';

function etagOf(contentType: string, content: string): string {
  return createHash('sha256').update(`${contentType}\n${content}`).digest('base64url').slice(0, 22);
}

const outputsOf = async (answer: Promise<{ readonly outputs: Readonly<Record<string, Buffer>> }>): Promise<Texts> =>
  textsOf((await answer).outputs);

/** A token of somebody else with the same rights. */
function mintOther({ runtime }: RpcEngine, sub: string): Promise<string> {
  return runtime.tokens.mint({ aud: ['Stock'], sub, capabilities: ['context:*', 'tool:*'] });
}

export const answerTests: RpcTests = {
  'a Value, a Row and Rows: bytes, type, etag, where they were read, and that they are not to be kept': async ({
    runtime: { calls },
    metadata,
  }) => {
    const answers = {
      'stock:pear:count': '3',
      'stock:pear:row': '{"sku":"pear","warehouse":"NY","quantity":3}',
      'warehouse:NY:stock': '[{"sku":"pear","quantity":3},{"sku":"plum","quantity":4}]',
      'warehouse:SF:stock': '[]',
    };
    for (const [key, text] of Object.entries(answers)) {
      expect(await calls.request(key)).toEqual({
        serialized_value: Buffer.from(text),
        content_type: JSON_TYPE,
        etag: etagOf(JSON_TYPE, text),
        metadata,
        cache_ttl_ms: 0,
        cache_scope: PRIVATE,
        schema_hash: Buffer.alloc(0),
        status: 0,
        input_requests: {},
        request_state: '',
      });
    }
  },

  'a parameter narrows, a default holds, and an absent one is NULL': async ({ runtime: { calls } }) => {
    expect(await calls.read('stock:pear:count', { warehouse: 'NY', least: '3' })).toBe('3');
    expect(await reasonOf(calls.read('stock:pear:count', { least: '4' }))).toBe('CONTEXT_UNKNOWN');
    expect(JSON.parse(await calls.read('echo:pear', { text: '', number: '-1' }))).toEqual({
      ...{ segment: 'pear', text: '', number: -1, list: null, object: null, anything: null },
    });
  },

  'the etag of a current copy gets no bytes, and another one gets them': async ({ runtime: { calls }, metadata }) => {
    const whole = await calls.request('stock:plum:row');
    const current = await calls.request('stock:plum:row', {}, { if_none_match: whole.etag });
    expect(current).toEqual({ ...whole, serialized_value: Buffer.alloc(0), metadata });
    expect(await calls.request('stock:plum:row', {}, { if_none_match: `${whole.etag}x` })).toEqual(whole);
  },

  'accept takes the type, its range and no other': async ({ runtime: { calls } }) => {
    for (const accept of ['', JSON_TYPE, 'application/*', '*/*', 'text/csv, application/json;q=0.1']) {
      expect((await calls.request('stock:fig:count', {}, { accept })).serialized_value.toString()).toBe('5');
    }
    expect(await reasonOf(calls.request('stock:fig:count', {}, { accept: 'text/*' }))).toBe('NOT_ACCEPTABLE');
  },

  'a context with a cache is kept for its caller, under a fresh token too, and for nobody else': async (engine) => {
    const { calls } = engine.runtime;
    await engine.query("INSERT INTO stock VALUES ('melon', 'SF', 7)");
    const capability_token = await mintOther(engine, 'shop.first');
    const ask = (token: string) => calls.request('stock:melon:kept', {}, { capability_token: token });
    const first = await eventually(
      () => ask(capability_token),
      ({ serialized_value: value }) => value.toString() === '7',
    );
    expect(first.cache_ttl_ms).toBeGreaterThan(50_000);
    expect(first.cache_ttl_ms).toBeLessThanOrEqual(60_000);
    expect(first).toMatchObject({ cache_scope: PRIVATE, etag: etagOf(JSON_TYPE, '7'), metadata: engine.metadata });
    await engine.query("UPDATE stock SET quantity = 8 WHERE sku = 'melon'");
    await eventually(
      async () => ask(await mintOther(engine, `shop.${randomUUID()}`)),
      ({ serialized_value: value }) => value.toString() === '8',
    );
    expect((await ask(await mintOther(engine, 'shop.first'))).serialized_value.toString()).toBe('7');
    await engine.query("DELETE FROM stock WHERE sku = 'melon'");
  },

  'a tool: a Row as outputs, Rows as one JSON value, else how many rows it changed': async ({ runtime: { calls } }) => {
    const { tools = [] } = await calls.card();
    const hash = tools.find(({ name }) => name === 'note')?.schema_hash ?? '';
    const note = await calls.invoke('note', { note: 'hello' }, { schema_hash: Buffer.from(hash, 'hex') });
    expect(note).toMatchObject({
      ...{ success: true, error_code: '', warnings: [], receipt: '', content: [], structured_json: Buffer.alloc(0) },
      ...{ outputs: { note: Buffer.from('hello') }, schema_hash: Buffer.from(hash, 'hex') },
      invocation_id: expect.stringMatching(/^[\w-]{14,}$/),
    });
    const list = await calls.invoke('list');
    expect(list).toMatchObject({ success: true, outputs: {} });
    expect(list.structured_json.toString()).toBe('[{"sku":"pear"},{"sku":"plum"}]');
    expect(await outputsOf(calls.invoke('touch'))).toEqual({ rows: '2' });
  },

  'no row where one was to come is an answer that says so': async ({ runtime: { calls } }) => {
    expect(await calls.invoke('take', { sku: 'kiwi' })).toMatchObject({
      ...{ success: false, error_code: 'NO_ROW', outputs: {}, warnings: [expect.stringContaining('row')] },
    });
  },

  'what a tool changed is read by the next who asks, once it has reached the replica': async (engine) => {
    const { calls } = engine.runtime;
    expect(await outputsOf(calls.invoke('take', { sku: 'fig', pieces: '2' }))).toEqual({ sku: 'fig', quantity: '3' });
    const read = () => calls.read('stock:fig:count');
    expect(await eventually(read, (text) => text === '3')).toBe('3');
    await calls.invoke('take', {}, { arguments_json: Buffer.from('{"sku":"fig","pieces":-2}') });
    expect(await eventually(read, (text) => text === '5')).toBe('5');
  },

  'a call that comes again with its key runs once, in whatever form its arguments come': async (engine) => {
    const { calls } = engine.runtime;
    const quantity = async (call: Promise<{ readonly outputs: Readonly<Record<string, Buffer>> }>) =>
      (await outputsOf(call)).quantity;
    const once = { idempotency_key: 'once' };
    const again = [
      calls.invoke('order', { id: 'twice' }, once),
      calls.invoke('order', { id: '"twice"' }, { ...once, argument_encoding: { id: 1 } }),
      calls.invoke('order', {}, { ...once, arguments_json: Buffer.from('{ "id": "\\u0074wice" }') }),
      calls.invoke('order', { id: 'twice' }, { ...once, capability_token: await mintOther(engine, 'shop.db') }),
    ];
    expect(await Promise.all(again.map(quantity))).toEqual(['1', '1', '1', '1']);
    const other = { ...once, capability_token: await mintOther(engine, 'shop.other') };
    expect(await quantity(calls.invoke('order', { id: 'twice' }, other))).toBe('2');
    expect(await quantity(calls.invoke('order', { id: 'twice' }))).toBe('3');
    expect(await calls.invoke('take', { sku: 'kiwi' }, once)).toMatchObject({ error_code: 'NO_ROW' });
  },

  'the card says what a call needs: schemas, rights, and that kept answers hold over all instances': async ({
    runtime: { calls, running },
  }) => {
    const card = await calls.card();
    expect(card).toMatchObject({ name: 'Stock', version: '1.2.0', protocol: 'mcp2/1' });
    expect(card.contexts?.find(({ key }) => key === 'stock:{sku}:count')).toEqual({
      key: 'stock:{sku}:count',
      description: 'Pieces of one article.',
      content_type: JSON_TYPE,
      parameters_schema: {
        type: 'object',
        properties: { warehouse: { type: 'string' }, least: { type: 'integer', minimum: 0, default: 0 } },
        additionalProperties: false,
      },
      required_capabilities: ['db:stock:read', 'context:read:stock:*:count'],
    });
    expect(card.tools?.find(({ name }) => name === 'take')).toMatchObject({
      ...{ name: 'take', description: 'Takes pieces of one article.', annotations: { idempotent: true } },
      ...{
        idempotency: 'shared',
        required_capability: 'tool:take',
        schema_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    expect(running.port).toBeGreaterThan(0);
  },
};
