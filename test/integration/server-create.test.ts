/** `mcp2/server` as a developer uses it: declarations, schemas of several kinds, results, errors of configuration, the end. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readCard } from '#lib/card/service-card.ts';
import type { CallError } from '#lib/grpc/call-error.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { silentLogger } from '#lib/logger.ts';
import { loadServices } from '#protos/load.ts';
import {
  createServer,
  type Mcp2Server,
  ServiceError,
  type StandardSchema,
  ToolFailed,
  ToolResult,
} from '#sdk/server/index.ts';
import { reasonOf } from '../harness/context-tool-server.ts';
import { createTokens, ISSUER, type TestTokens } from '../harness/registry-fixture.ts';

const protos = loadServices();
const folder = mkdtempSync(join(tmpdir(), 'mcp2-create-'));
const AMBIENT = { env: {}, homeFolder: folder, uid: undefined };
let tokens: TestTokens;

beforeAll(async () => {
  tokens = await createTokens();
});
afterAll(() => rmSync(folder, { recursive: true }));

function make(name = 'PetShop'): Mcp2Server {
  const trust = { issuer: ISSUER, jwksFile: tokens.jwksFile };
  return createServer({ name, version: '1.2.0', trust, log: silentLogger, services: protos, ambient: AMBIENT });
}

const mint = () => tokens.mint({ aud: ['PetShop'], capabilities: ['db:*:read', 'tool:*'] });

/** Serves, and closes with the scope. */
async function serve(server: Mcp2Server) {
  const { port } = await server.listen('127.0.0.1:0');
  const credentials = plaintextClient();
  const contextTool = createClient(protos.ContextTool, `127.0.0.1:${port}`, { credentials });
  const serviceInfo = createClient(protos.ServiceInfo, `127.0.0.1:${port}`, { credentials });
  const capability_token = await mint();
  return {
    serviceInfo,
    capability_token,
    read: (context_key: string, parameters: Record<string, string> = {}) =>
      contextTool.call('RequestContext', { context_key, parameters: bytesOf(parameters), capability_token }),
    invoke: (tool_name: string, args: Record<string, string> = {}, more: object = {}) =>
      contextTool.call('InvokeTool', { tool_name, arguments: bytesOf(args), capability_token, ...more }),
    async [Symbol.asyncDispose]() {
      contextTool.close();
      serviceInfo.close();
      await server.close();
    },
  };
}

function bytesOf(values: Record<string, string>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Buffer.from(value)]));
}

const outputs = ({ outputs: found }: { readonly outputs: Readonly<Record<string, Buffer>> }) =>
  Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value.toString()]));

describe('schemas', () => {
  test('with zod the handler gets converted arguments, and its result is checked', async () => {
    const seen: unknown[] = [];
    const input = z.object({
      pet: z.string().transform((name) => name.toUpperCase()),
      grams: z.int().min(1).default(5),
    });
    const server = make()
      .tool('feed', { input, output: z.object({ fed: z.int() }) }, async (args) => {
        seen.push(args);
        return { fed: args.grams, secret: 'not in the schema' };
      })
      .tool('wrong', { output: z.object({ fed: z.int() }) }, () => ({ fed: 1.5 }))
      .context(
        'pets:{id}:weight',
        { parameters: z.object({ unit: z.enum(['g', 'kg']).default('g') }) },
        ({ id }, { unit }) => ({ id, unit }),
      );
    await using serving = await serve(server);
    expect(outputs(await serving.invoke('feed', { pet: 'tom' }))).toEqual({ fed: '5' });
    expect(seen).toEqual([{ pet: 'TOM', grams: 5 }]);
    const refused = await serving.invoke('feed', { pet: 'tom', grams: '0' }).catch((error: CallError) => error);
    expect(refused).toMatchObject({ reason: 'ARGUMENT_INVALID', facts: { path: '/grams' } });
    expect(await reasonOf(serving.invoke('wrong'))).toBe('INTERNAL');
    expect(JSON.parse(String((await serving.read('pets:7:weight')).serialized_value))).toEqual({ id: '7', unit: 'g' });
    expect(await reasonOf(serving.read('pets:7:weight', { unit: 't' }))).toBe('ARGUMENT_INVALID');
    expect(await reasonOf(serving.read('pets:7:weight', { other: 't' }))).toBe('ARGUMENT_INVALID');
  });

  test('what only the library can check is refused with its place', async () => {
    const even = z.object({ 'a/b': z.array(z.int().refine((value) => value % 2 === 0, 'must be even')) });
    await using serving = await serve(make().tool('even', { input: even }, () => ({})));
    const json = { arguments_json: Buffer.from('{"a/b":[2,3]}') };
    const refused = await serving.invoke('even', {}, json).catch((error: CallError) => error);
    expect(refused).toMatchObject({ reason: 'ARGUMENT_INVALID', facts: { path: '/a~1b/1' } });
  });

  test('any library with the two interfaces will do, also one that answers later', async () => {
    const schema: StandardSchema<{ n: number }, { n: number }> = {
      '~standard': {
        version: 1,
        vendor: 'ours',
        validate: async (value) => ({ value: { n: (value as { n: number }).n + 1 } }),
        jsonSchema: {
          input: () => ({ type: 'object', properties: { n: { type: 'number' } }, required: ['n'] }),
          output: () => ({ type: 'object' }),
        },
      },
    };
    await using serving = await serve(
      make().tool('later', { input: schema, output: schema }, ({ n }) => ({ n: n * 10 })),
    );
    expect(outputs(await serving.invoke('later', { n: '1' }))).toEqual({ n: '21' });
  });

  test('a schema without a form as JSON Schema is refused where it is written', () => {
    expect(() => make().tool('x', { input: z.object({ at: z.date() }) }, () => ({}))).toThrow(
      /input of x: this schema of zod has no form as JSON Schema: /,
    );
    const bare = { '~standard': { version: 1, vendor: 'old', validate: (value: unknown) => ({ value }) } } as const;
    expect(() => make().tool('x', { input: bare }, () => ({}))).toThrow(/input of x: this schema of old cannot say/);
  });
});

test('results of tools: members, bytes, one value, nothing, pieces to show', async () => {
  const server = make()
    .tool('members', {}, () => ({ text: 'a', bytes: Buffer.from([255]), number: 1, list: ['x'], none: undefined }))
    .tool('bytes', {}, () => new Uint8Array([1, 2]))
    .tool('list', {}, async () => [1, 'a'])
    .tool('nothing', {}, () => undefined)
    .tool('shown', {}, () => new ToolResult({ value: { ok: true }, content: [{ text: 'done' }] }))
    .tool('failed', {}, () => {
      throw new ToolFailed('OUT_OF_FOOD', 'nothing left');
    })
    .tool('refused', {}, async () => {
      throw new ServiceError('RATE_LIMITED', 'later');
    })
    .tool('broken', {}, () => ({ value: Number.NaN }));
  await using serving = await serve(server);
  const members = await serving.invoke('members');
  expect({ ...outputs(members), bytes: undefined }).toEqual({ text: 'a', number: '1', list: '["x"]' });
  expect(members.outputs.bytes).toEqual(Buffer.from([255]));
  expect((await serving.invoke('bytes')).content).toMatchObject([{ blob: { data: Buffer.from([1, 2]) } }]);
  expect(String((await serving.invoke('list')).structured_json)).toBe('[1,"a"]');
  expect(await serving.invoke('nothing')).toMatchObject({ success: true, outputs: {} });
  expect(await serving.invoke('shown')).toMatchObject({ content: [{ text: { content: 'done' } }] });
  expect(await serving.invoke('failed')).toMatchObject({ success: false, error_code: 'OUT_OF_FOOD' });
  expect(await reasonOf(serving.invoke('refused'))).toBe('RATE_LIMITED');
  expect(await reasonOf(serving.invoke('broken'))).toBe('INTERNAL');
});

test('a tool that ran, but whose result is of no use, does not run again under its key', async () => {
  let runs = 0;
  const server = make().tool('broken', {}, () => {
    runs += 1;
    return { value: Number.NaN };
  });
  await using serving = await serve(server);
  for (let i = 0; i < 2; i++) {
    expect(await reasonOf(serving.invoke('broken', {}, { idempotency_key: 'k' }))).toBe('INTERNAL');
  }
  expect(runs).toBe(1);
});

test('results of contexts: JSON, a text of a type, bytes, none', async () => {
  const server = make()
    .context('as:json', {}, () => 'text')
    .context('as:text', { contentType: 'text/plain' }, async () => 'text')
    .context('as:bytes', {}, () => Buffer.from([1]))
    .context('as:picture', { contentType: 'image/png' }, () => new Uint8Array([2]))
    .context('as:null', {}, () => null)
    .context('as:nothing', {}, () => undefined);
  await using serving = await serve(server);
  const read = async (key: string) => {
    const { serialized_value: value, content_type: type } = await serving.read(key);
    return [type, value.toString('latin1')];
  };
  expect(await read('as:json')).toEqual(['application/json', '"text"']);
  expect(await read('as:text')).toEqual(['text/plain', 'text']);
  expect(await read('as:bytes')).toEqual(['application/octet-stream', '\x01']);
  expect(await read('as:picture')).toEqual(['image/png', '\x02']);
  expect(await read('as:null')).toEqual(['application/json', 'null']);
  expect(await reasonOf(serving.read('as:nothing'))).toBe('CONTEXT_UNKNOWN');
});

test('the card is asked for by its digest, and only under its own name', async () => {
  await using serving = await serve(make().tool('feed', { idempotent: true, title: 'Feed' }, () => ({})));
  const { serviceInfo, capability_token: requester_token } = serving;
  const { card } = await serviceInfo.call('GetCard', { requester_token, server_name: 'PetShop' });
  const json = card?.card_json ?? Buffer.alloc(0);
  expect(readCard(json).card).toMatchObject({ name: 'PetShop', version: '1.2.0', capabilities: ['tool:feed'] });
  expect(JSON.parse(json.toString()).tools).toMatchObject([{ annotations: { idempotent: true, title: 'Feed' } }]);
  const get = (more: object) => reasonOf(serviceInfo.call('GetCard', { requester_token, ...more }));
  expect(await get({ card_digest: Buffer.from(readCard(json).digest, 'hex') })).toBe('answered');
  expect(await get({ card_digest: Buffer.alloc(32) })).toBe('CARD_UNKNOWN');
  expect(await get({ server_name: 'petshop' })).toBe('NAME_INVALID');
  expect(await get({ requester_token: '' })).toBe('CREDENTIAL_MISSING');
});

test('middleware sees the caller of each call and can answer in its place', async () => {
  const seen: unknown[] = [];
  const server = make()
    .context('a:b', {}, () => 1)
    .use((next, { name }) => (request, call) => {
      seen.push([name, call.caller?.sub]);
      return name === 'ContextTool.InvokeTool' ? { success: true } : next(request, call);
    });
  await using serving = await serve(server);
  await serving.read('a:b');
  expect(await serving.invoke('unknown')).toMatchObject({ success: true });
  expect(seen).toEqual([
    ['ContextTool.RequestContext', 'shop.db'],
    ['ContextTool.InvokeTool', 'shop.db'],
  ]);
});

test('every mistake of the declarations is named when it listens, and nothing is declared after that', async () => {
  const server = make('Pet Shop')
    .tool('feed', { input: { type: 'object', properties: { n: { type: 'numbr' } } } }, () => ({}))
    .context('{a}', {}, () => 1);
  const error = await server.listen('127.0.0.1:0').catch((caught: Error) => caught);
  expect(error).toMatchObject({ name: 'DeclarationError' });
  expect(String((error as Error).message).split('\n')).toEqual([
    'the server cannot be served:',
    expect.stringMatching(/^ {2}- name: the name "Pet Shop" is not allowed/),
    expect.stringMatching(/^ {2}- context \{a\}: key: the first segment/),
    expect.stringMatching(/^ {2}- tool feed: input.properties.n.type: /),
  ]);
  const fine = make();
  await fine.listen('127.0.0.1:0');
  expect(() => fine.tool('late', {}, () => ({}))).toThrow(/before listen/);
  await fine.close();
});

test('a port that is taken is said, and another one can be tried', async () => {
  const first = make();
  const { port } = await first.listen('127.0.0.1:0');
  const second = make();
  await expect(second.listen(`127.0.0.1:${port}`)).rejects.toThrow(/the port is in use/);
  expect((await second.listen('127.0.0.1:0')).port).toBeGreaterThan(0);
  await Promise.all([first.close(), second.close()]);
});

test('the ops port is there when it is asked for', async () => {
  const server = make();
  const { opsPort } = await server.listen('127.0.0.1:0', { ops: '127.0.0.1:0' });
  expect((await fetch(`http://127.0.0.1:${opsPort}/readyz`)).status).toBe(200);
  expect(await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()).toContain(
    'mcp2_context_cache_requests_total',
  );
  await server.close();
  const bare = make();
  expect((await bare.listen('127.0.0.1:0')).opsPort).toBeUndefined();
  await bare.close();
});

test('a call that runs is finished before the server closes; the next one finds nobody', async () => {
  const answer = Promise.withResolvers<object>();
  const running = Promise.withResolvers<void>();
  const server = make().tool('slow', {}, () => {
    running.resolve();
    return answer.promise;
  });
  await using serving = await serve(server);
  const call = serving.invoke('slow');
  await running.promise;
  const closed = server.close();
  const late = reasonOf(serving.invoke('slow'));
  answer.resolve({ done: true });
  expect(outputs(await call)).toEqual({ done: 'true' });
  await closed;
  expect(await late).not.toBe('answered');
});

describe('whose tokens are accepted', () => {
  const listen = async (env: Readonly<Record<string, string>>) => {
    const ambient = { env, homeFolder: folder, uid: process.getuid?.() };
    const server = createServer({ name: 'PetShop', version: '1.0.0', log: silentLogger, services: protos, ambient });
    server.context('a:b', {}, () => 1);
    await using serving = await serve(server);
    return await reasonOf(serving.read('a:b'));
  };

  test('those of the environment, of a mounted folder, of "mcp2 up"', async () => {
    expect(await listen({ MCP2_ISSUER: ISSUER, MCP2_JWKS_FILE: tokens.jwksFile })).toBe('answered');
    for (const variable of ['MCP2_TRUST_DIR', 'MCP2_STATE']) {
      const at = join(folder, variable);
      mkdirSync(at, { mode: 0o700 });
      copyFileSync(tokens.jwksFile, join(at, 'jwks.json'));
      writeFileSync(join(at, 'issuer'), `${ISSUER}\n`);
      expect(await listen({ [variable]: at })).toBe('answered');
    }
  });

  test('without any it says what to set', async () => {
    await expect(listen({})).rejects.toThrow(/set the option trust, or MCP2_ISSUER and MCP2_JWKS_FILE/);
    await expect(listen({ MCP2_ISSUER: ISSUER })).rejects.toThrow(/must be set together/);
    await expect(listen({ MCP2_ISSUER: ISSUER, MCP2_JWKS_FILE: join(folder, 'absent') })).rejects.toThrow(
      /MCP2_JWKS_FILE/,
    );
  });
});
