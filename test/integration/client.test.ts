/** The client on a real registry and real servers, each behind a proxy that breaks. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { status } from '@grpc/grpc-js';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { type Attempt, CallError, type Middleware, tokenFile } from '#sdk/client/index.ts';
import { type DiscoveryFixture, startDiscovery, timeMs } from '../harness/discovery-fixture.ts';
import { createCertificateAuthority } from '../harness/pki.ts';
import { createWorkspace } from '../harness/processes.ts';

const CAPABILITY = 'db:inventory:read';
const KEY = { context_key: 'inventory:p1:stock' };

let discovery: DiscoveryFixture;
beforeEach(async () => {
  discovery = await startDiscovery();
  onTestFinished(() => discovery[Symbol.asyncDispose]());
});

/** Every call that ended, with its attempts. */
function recorder() {
  const calls: { readonly method: string; readonly attempts: readonly Attempt[]; readonly failed: boolean }[] = [];
  const middleware: Middleware =
    (next, { name }) =>
    async (request, call) => {
      try {
        const answer = await next(request, call);
        calls.push({ method: name, attempts: call.attempts, failed: false });
        return answer;
      } catch (error) {
        calls.push({ method: name, attempts: call.attempts, failed: true });
        throw error;
      }
    };
  return {
    middleware: [middleware],
    lookups: () => calls.filter(({ method }) => method === 'Discovery.Lookup').length,
    outcomes: () =>
      calls
        .filter(({ method }) => method.startsWith('ContextTool.'))
        .map(({ attempts }) => attempts.map(({ outcome }) => outcome).join(' ')),
  };
}

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => new Error('it was answered'),
    (caught: unknown) => caught,
  );
  if (error instanceof CallError) return error;
  throw error;
}

test('a call finds a server, carries the token in its field, and asks the registry once', async () => {
  const tokens: string[] = [];
  await discovery.serve('Db_One', {
    context: async ({ capability_token }) => {
      tokens.push(capability_token);
      return { serialized_value: Buffer.from('42') };
    },
  });
  const { middleware, lookups } = recorder();
  const token = await discovery.tokens.mint({ sub: 'shop.agent' });
  const mcp2 = await discovery.connect({ token, middleware });
  const { ContextTool } = mcp2.services;
  const calls = Array.from({ length: 20 }, () =>
    mcp2.call(ContextTool, 'RequestContext', KEY, { capability: CAPABILITY }),
  );
  for (const { serialized_value } of await Promise.all(calls)) expect(serialized_value.toString()).toBe('42');
  expect(new Set(tokens)).toEqual(new Set([token]));
  expect(lookups()).toBe(1);
  const [endpoint] = await mcp2.endpoints({ capability: CAPABILITY, server: 'Db_One' });
  expect(endpoint).toMatchObject({ server_name: 'Db_One' });
});

test('an endpoint that refuses connections is passed over, whatever the method does', async () => {
  const [one, two] = [await discovery.serve('Db_One', {}), await discovery.serve('Db_Two', {})];
  await one.proxy.refuse();
  const { middleware, outcomes } = recorder();
  const mcp2 = await discovery.connect({ middleware });
  const { ContextTool } = mcp2.services;
  for (let call = 0; call < 10; call += 1) {
    await mcp2.call(ContextTool, 'InvokeTool', { tool_name: 'order' }, { capability: 'tool:order' });
  }
  expect(two.calls()).toBe(10);
  expect(new Set(outcomes())).toEqual(new Set(['OK', 'UNAVAILABLE OK']));
});

test('a connection that breaks under a call sends it on only where it may be carried out twice', async () => {
  const never = () => new Promise<never>(() => undefined);
  const one = await discovery.serve('Db_One', { context: never, tool: never });
  const two = await discovery.serve('Db_Two', {});
  const mcp2 = await discovery.connect();
  const { ContextTool } = mcp2.services;
  const endpoints = (await mcp2.endpoints({ capability: CAPABILITY })).toSorted((a) =>
    a.server_name === 'Db_One' ? -1 : 1,
  );
  const [first] = endpoints;
  const cutSoon = async () => {
    const before = one.calls();
    while (one.calls() === before) await new Promise((resolve) => setTimeout(resolve, 5));
    one.proxy.cut();
  };
  const only = { endpoints: first === undefined ? [] : [first] };
  const order = failureOf(mcp2.call(ContextTool, 'InvokeTool', { tool_name: 'order' }, only));
  await cutSoon();
  expect(await order).toMatchObject({ code: status.UNAVAILABLE, tried: [`Db_One at ${one.address}`] });
  expect(one.calls()).toBe(1);

  const read = mcp2.call(ContextTool, 'RequestContext', KEY, { endpoints: preferring(endpoints) });
  await cutSoon();
  expect((await read).serialized_value.toString()).toBe('Db_Two');
  expect(two.calls()).toBe(1);
});

/** The first one is much faster as far as anybody knows, so that it is chosen. */
function preferring<E extends { readonly latency_ms: number }>(endpoints: readonly E[]): E[] {
  return endpoints.map((endpoint, index) => ({ ...endpoint, latency_ms: index === 0 ? 1 : 1_000_000 }));
}

test('while the registry is down, what it answered last is used at once', async () => {
  await discovery.serve('Db_One', {});
  const mcp2 = await discovery.connect();
  const { ContextTool } = mcp2.services;
  const call = () => mcp2.call(ContextTool, 'RequestContext', KEY, { capability: CAPABILITY });
  await call();
  await discovery.registryProxy.refuse();
  // The registry lets an answer be used for 5 s.
  await new Promise((resolve) => setTimeout(resolve, 5_100));
  expect(await timeMs(call)).toBeLessThan(1_000);
  expect(await timeMs(call)).toBeLessThan(100);
  // What was never asked cannot be answered from memory.
  const other = mcp2.endpoints({ capability: 'tool:order' }, { deadlineMs: 300 });
  expect(await failureOf(other)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  await discovery.registryProxy.pass();
  expect(await mcp2.endpoints({ capability: 'tool:order' })).toHaveLength(1);
});

test('of several capabilities those are asked for that the token holds; none held is refused without a call', async () => {
  await discovery.serve('Db_One', {});
  const { middleware, lookups } = recorder();
  const mcp2 = await discovery.connect({ middleware });
  const capability = ['context:read:inventory:p1', CAPABILITY];
  expect(await mcp2.endpoints({ capability })).toHaveLength(1);
  const { ContextTool } = mcp2.services;
  const refused = mcp2.call(ContextTool, 'RequestContext', KEY, {
    capability: ['db:payroll:read', 'context:read:payroll'],
  });
  expect(await failureOf(refused)).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'CAPABILITY_DENIED' });
  expect(lookups()).toBe(1);
  expect(await failureOf(mcp2.endpoints({ capability: 'db:payroll:read' }))).toMatchObject({
    reason: 'CAPABILITY_DENIED',
  });
});

test('nobody who offers it is an error with a reason of its own', async () => {
  const mcp2 = await discovery.connect();
  const call = mcp2.call(mcp2.services.ContextTool, 'RequestContext', KEY, { capability: CAPABILITY });
  expect(await failureOf(call)).toMatchObject({ reason: 'NO_ENDPOINT', tried: [] });
});

test('an error names the servers that were tried, and never the token that a server repeats', async () => {
  const repeat = async ({ capability_token }: { readonly capability_token: string }) => {
    throw new ServiceError('STORE_UNAVAILABLE', `not with ${capability_token.slice(0, 400)}`, {
      metadata: { token: capability_token },
    });
  };
  const servers = [
    await discovery.serve('Db_One', { context: repeat }),
    await discovery.serve('Db_Two', { context: repeat }),
  ];
  const token = await discovery.tokens.mint({ sub: 'a', capabilities: [CAPABILITY], aud: ['Db_*'] });
  const mcp2 = await discovery.connect({ token });
  const error = await failureOf(
    mcp2.call(mcp2.services.ContextTool, 'RequestContext', KEY, { capability: CAPABILITY }),
  );
  expect(error).toMatchObject({ code: status.UNAVAILABLE, reason: 'STORE_UNAVAILABLE' });
  expect(new Set(error.tried)).toEqual(
    new Set(servers.map(({ address }, i) => `Db_${i ? 'Two' : 'One'} at ${address}`)),
  );
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token.slice(0, 100));
});

test('retries are at most a tenth of the calls, and ten', async () => {
  const fail = async () => {
    throw new ServiceError('STORE_UNAVAILABLE', 'not now');
  };
  const one = await discovery.serve('Db_One', { context: fail });
  const mcp2 = await discovery.connect();
  const calls = Array.from({ length: 300 }, () =>
    failureOf(mcp2.call(mcp2.services.ContextTool, 'RequestContext', KEY, { capability: CAPABILITY })),
  );
  const seconds = (await timeMs(() => Promise.all(calls))) / 1000;
  expect(one.calls()).toBeGreaterThan(300);
  expect(one.calls()).toBeLessThanOrEqual(300 + 30 + 10 + Math.ceil(seconds));
});

test('an endpoint that does not answer is left alone after three calls, and tried again later', async () => {
  const [one] = [await discovery.serve('Db_One', {}), await discovery.serve('Db_Two', {})];
  const { middleware, outcomes } = recorder();
  const mcp2 = await discovery.connect({ middleware });
  const call = () => mcp2.call(mcp2.services.ContextTool, 'RequestContext', KEY, { capability: CAPABILITY });
  for (let warm = 0; warm < 10; warm += 1) await call();
  one.proxy.hang();
  while (outcomes().filter((one) => one.startsWith('DEADLINE_EXCEEDED')).length < 3) {
    await Promise.all(Array.from({ length: 4 }, call));
  }
  const before = outcomes().length;
  // Half a second, within the second for which the breaker stays open.
  for (let index = 0; index < 50; index += 1) await call();
  expect(new Set(outcomes().slice(before))).toEqual(new Set(['OK']));
  // Then one call tries it, of as many as there are at once.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const quiet = outcomes().length;
  await Promise.all(Array.from({ length: 100 }, call));
  expect(
    outcomes()
      .slice(quiet)
      .filter((outcome) => outcome !== 'OK'),
  ).toEqual(['DEADLINE_EXCEEDED OK']);
  await one.proxy.pass();
  const served = one.calls();
  await new Promise((resolve) => setTimeout(resolve, 2_200));
  for (let again = 0; again < 50; again += 1) await call();
  expect(one.calls()).toBeGreaterThan(served);
});

test('a token that is renewed in its file is used without a restart', async () => {
  await discovery.serve('Db_One', {});
  const path = join(createWorkspace('token').folder, 'token');
  writeFileSync(
    path,
    await discovery.tokens.mint({ sub: 'shop.agent', ttlSeconds: 60 }, { nowMs: Date.now() - 59_000 }),
  );
  const mcp2 = await discovery.connect({ token: tokenFile(path) });
  const look = () => mcp2.lookup({ capability_filter: [CAPABILITY] });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await failureOf(look())).toMatchObject({ reason: 'TOKEN_EXPIRED' });
  writeFileSync(path, `${await discovery.tokens.mint({ sub: 'shop.agent' })}\n`);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect((await look()).endpoints).toHaveLength(1);
});

test('a caller that gives up, and a client that is closed, end a call once with their reason', async () => {
  await discovery.serve('Db_One', { context: () => new Promise<never>(() => undefined) });
  const mcp2 = await discovery.connect();
  const giveUp = new AbortController();
  const call = (signal?: AbortSignal) =>
    mcp2.call(mcp2.services.ContextTool, 'RequestContext', KEY, { capability: CAPABILITY, signal });
  const given = call(giveUp.signal);
  const open = failureOf(call());
  setTimeout(() => giveUp.abort(new Error('enough')), 50);
  await expect(given).rejects.toThrow('enough');
  mcp2.close();
  expect(await open).toMatchObject({ code: status.CANCELLED, message: expect.stringContaining('closed') });
  expect(await failureOf(call())).toMatchObject({ code: status.CANCELLED });
});

test('no token goes to another machine in the clear because nobody said how to connect', async () => {
  await discovery.register('Db_Far', 'db.example:50051');
  const mcp2 = await discovery.connect();
  const call = mcp2.call(mcp2.services.ContextTool, 'RequestContext', KEY, { capability: CAPABILITY });
  expect((await failureOf(call)).message).toMatch(/Db_Far at db\.example:50051 is not called: .*in the clear/);
});

test('with a CA a server that does not say how to connect is called under TLS or not at all', async () => {
  const { certificateFile } = await createCertificateAuthority(join(createWorkspace('client').folder, 'pki'));
  const one = await discovery.serve('Db_One', {});
  const mcp2 = await discovery.connect({ serverCaFile: certificateFile });
  const call = mcp2.call(mcp2.services.ContextTool, 'RequestContext', KEY, { capability: CAPABILITY });
  expect(await failureOf(call)).toMatchObject({ code: status.UNAVAILABLE, reachedServer: false });
  expect(one.calls()).toBe(0);
});
