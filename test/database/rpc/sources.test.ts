/** The RPCs over a real connection where no database is asked: constants, an upstream, modules, credentials and rights. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textsOf } from '../../harness/context-tool-calls.ts';
import { connectRaw, field, frame } from '../../harness/raw-grpc.ts';
import { ALLOWED, askWith, CREDENTIAL_REFUSALS } from './credential-refusals.ts';
import { BROKEN_TEXTS } from './encodings.ts';
import { expectRefusal } from './rpc-engine.ts';
import { SOURCE_REFUSALS } from './source-refusals.ts';
import { type Sources, startSources } from './sources-fixture.ts';

let sources: Sources;
beforeAll(async () => {
  sources = await startSources();
});
afterAll(() => sources[Symbol.asyncDispose]());

const etagOf = (contentType: string, content: Buffer) =>
  createHash('sha256').update(`${contentType}\n`).update(content).digest('base64url').slice(0, 22);

describe('what is answered', () => {
  test.each([
    ['company:address', 'text/plain', Buffer.from('Main Street')],
    ['company:logo', 'image/png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
    ['company:facts', 'application/json', Buffer.from('{"people":12}')],
    ['upstream:ok', 'application/json; charset=utf-8', Buffer.from('{"at":"/v1/ok"}')],
  ])('%s is %s, to the byte, and with its etag comes without bytes', async (key, content_type, content) => {
    const { calls } = sources.runtime;
    const etag = etagOf(content_type, content);
    const isKept = key === 'company:address';
    const whole = await calls.request(key);
    expect(whole).toMatchObject({ serialized_value: content, content_type, etag, metadata: [] });
    expect(whole).toMatchObject({ cache_scope: isKept ? 1 : 0 });
    expect(whole.cache_ttl_ms > 0).toBe(isKept);
    expect(await calls.request(key, {}, { if_none_match: etag })).toMatchObject({
      ...{ serialized_value: Buffer.alloc(0), content_type, etag },
    });
  });

  test('a parameter stands in the query of the upstream', async () => {
    expect(await sources.runtime.calls.read('upstream:ok', { page: '2' })).toBe('{"at":"/v1/ok?page=2"}');
  });

  test('a module and an upstream as tools: outputs by name, and what they say of themselves when they fail', async () => {
    const { calls } = sources.runtime;
    const { outputs, success } = await calls.invoke('price', { sku: 'a', pieces: '42' });
    expect({ success, outputs: textsOf(outputs) }).toEqual({ success: true, outputs: { price: '58', sku: 'a' } });
    expect(await calls.run('send', { what: 'this' })).toEqual({ got: '{"what":"this"}' });
    const failed = { success: false, outputs: {} };
    expect(await calls.invoke('fail')).toMatchObject({
      ...failed,
      error_code: 'OUT_OF_STOCK',
      warnings: ['nothing left'],
    });
    expect(await calls.invoke('send', { what: '403' })).toMatchObject({ ...failed, error_code: 'HTTP_403' });
  });

  test('a call that comes again with its key runs once, also when it failed', async () => {
    const { calls } = sources.runtime;
    const first = await calls.invoke('count', {}, { idempotency_key: 'once' });
    expect(await calls.invoke('count', {}, { idempotency_key: 'once', has_arguments: true })).toEqual(first);
    expect(await calls.invoke('count', {}, { idempotency_key: 'twice' })).not.toEqual(first);
    const { requests } = sources.upstream;
    const before = requests.length;
    for (let i = 0; i < 2; i++) {
      const again = calls.invoke('send', { what: '409' }, { idempotency_key: 'conflict at the upstream' });
      expect(await again).toMatchObject({ success: false, error_code: 'HTTP_409' });
    }
    expect(requests.length - before).toBe(1);
  });

  test('the card says of each tool that its kept answers are of this instance', async () => {
    const { tools = [], capabilities } = await sources.runtime.calls.card();
    expect(tools.find(({ name }) => name === 'price')).toMatchObject({
      ...{ description: 'A price for one article.', idempotency: 'instance', annotations: { readOnly: true } },
      ...{ output_schema: { type: 'object', properties: { price: { type: 'number' } }, required: ['price'] } },
    });
    expect(capabilities).toContain('context:read:upstream:*');
  });
});

test.each([...SOURCE_REFUSALS, ...CREDENTIAL_REFUSALS])(
  '$title is $reason, and the next call is answered',
  async (refusal) => {
    await expectRefusal(refusal, sources);
    const { calls } = sources.runtime;
    expect(await calls.read('company:address')).toBe('Main Street');
    expect(await calls.run('price', { sku: 'a' })).toEqual({ price: '99', sku: 'a' });
  },
);

test.each(ALLOWED)('a grant allows $title', async (allowed) => {
  expect(await askWith(allowed, sources)).toBeDefined();
});

test('a key and a tool in bytes that are no UTF-8 are refused like any other name', async () => {
  const { target, token } = sources.runtime.calls;
  using raw = connectRaw(target);
  for (const { title, bytes } of BROKEN_TEXTS) {
    for (const method of ['RequestContext', 'InvokeTool']) {
      const body = frame(
        Buffer.concat([field(1, Buffer.concat([Buffer.from('company:'), bytes])), field(3, Buffer.from(token))]),
      );
      const { code, message } = await raw.call({ path: `/mcp2.ContextTool/${method}`, body });
      expect([title, method, code]).toEqual([title, method, 3]);
      expect(message).not.toContain('OR 1=1');
    }
  }
});
