/** A server that publishes: with its own token, from its handlers, and what its card says of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { silentLogger } from '#lib/logger.ts';
import { loadServices } from '#protos/load.ts';
import { type CreateServerOptions, createServer, DeclarationError, NotConfigured } from '#sdk/server/index.ts';
import { collect, connectTo, mintFor } from '../harness/client-events.ts';
import { ownName, startBus, type TestBus } from '../harness/event-bus.ts';
import { eventually } from '../harness/eventually.ts';
import { createWorkspace } from '../harness/processes.ts';
import { ISSUER } from '../harness/registry-fixture.ts';

const protos = loadServices();
let bus: TestBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

function make(options: Partial<CreateServerOptions> = {}) {
  const trust = { issuer: ISSUER, jwksFile: bus.tokens.jwksFile };
  const ambient = { env: {}, homeFolder: '/nowhere', uid: undefined };
  return createServer({
    ...{ name: 'Shop', version: '1.0.0', trust, log: silentLogger, services: protos, ambient, eventBus: bus.target },
    ...options,
  });
}

test('a handler publishes with the token of the server, which is read again when its file changes', async () => {
  const [area, folder] = [ownName(), createWorkspace('server-token').folder];
  const fromFile = join(folder, 'token');
  writeFileSync(fromFile, await mintFor(bus, { sub: 'shop.one' }));
  await using server = make({ token: { fromFile }, publishes: [`${area}:*:sold`] });
  server.tool('sell', { input: { type: 'object', properties: { sku: { type: 'string' } } } }, async ({ sku }) => {
    const { sequence } = await server.publish(`${area}:${sku}:sold`, { sku });
    return { sequence };
  });
  const { port } = await server.listen('127.0.0.1:0');
  const [tools, info] = [protos.ContextTool, protos.ServiceInfo].map((service) =>
    createClient(service as typeof protos.ContextTool, `127.0.0.1:${port}`, { credentials: plaintextClient() }),
  );
  const capability_token = await bus.tokens.mint({ aud: ['Shop'], capabilities: ['tool:sell'] });
  const sell = () =>
    tools?.call('InvokeTool', { tool_name: 'sell', arguments: { sku: Buffer.from('p1') }, capability_token });
  expect(await sell()).toMatchObject({ success: true });
  writeFileSync(fromFile, await mintFor(bus, { sub: 'shop.two' }));
  using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
  const seen = collect(mcp2.subscribe(`${area}:*`, { from: 'earliest' }));
  const publishers = () => seen.events.map(({ publisher }) => publisher);
  await eventually(
    async () => {
      await sell();
      return publishers();
    },
    (all) => all.includes('shop.two'),
    { what: 'the new token', intervalMs: 200 },
  );
  expect(publishers().at(0)).toBe('shop.one');
  const serviceInfo = info as unknown as ReturnType<typeof createClient<typeof protos.ServiceInfo>>;
  const { card } = await serviceInfo.call('GetCard', { requester_token: capability_token });
  const { capabilities } = JSON.parse(card?.card_json.toString() ?? '') as { capabilities: string[] };
  expect(capabilities).toEqual([`event:publish:${area}:*:sold`, 'tool:sell']);
  tools?.close();
  info?.close();
});

test('a publisher of the server sends many over one stream, before it listens, and ends with it', async () => {
  const area = ownName();
  const server = make({ token: () => mintFor(bus, { sub: 'shop.stream' }) });
  const publisher = server.publisher();
  const published = await Promise.all(Array.from({ length: 100 }, (_, i) => publisher.publish(`${area}:t${i % 3}`, i)));
  expect(published).toHaveLength(100);
  await server.close();
  await expect(publisher.publish(`${area}:a`, 1)).rejects.toThrow(/closed/);
  await expect(server.publish(`${area}:a`, 1)).rejects.toThrow(/closed/);
});

test('a server that publishes nothing needs no token; one that does says what to set', async () => {
  await using server = make({ eventBus: undefined });
  await server.tool('nothing', {}, () => ({})).listen('127.0.0.1:0');
  await expect(server.publish('a', 'b')).rejects.toThrow(/there is no token: .*MCP2_TOKEN_FILE/);
  await using other = make({ eventBus: undefined, token: () => 'a token' });
  await expect(other.publish('a', 'b')).rejects.toThrow(NotConfigured);
});

test('a pattern that is none is a mistake of the declaration', async () => {
  const server = make({ publishes: ['a::b', 'sound:*'] });
  await expect(server.listen('127.0.0.1:0')).rejects.toThrow(DeclarationError);
  await expect(server.listen('127.0.0.1:0')).rejects.toThrow(/publishes\.0: "a::b" is no pattern of topics/);
});
