import { status } from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { REASONS, ServiceError } from '#lib/errors.ts';
import { CallError, createClient } from '#lib/grpc/client.ts';
import { plaintextClient, plaintextServer } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { createServer } from '#lib/grpc/serve.ts';
import { statusCodeOf } from '#lib/grpc/status.ts';
import { type UnaryHandler, unary } from '#lib/grpc/unary.ts';
import { createLogger } from '#lib/observe/logger.ts';
import type { LookupRequest__Output } from '#protos/generated/mcp2/LookupRequest.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import { loadServices } from '#protos/load.ts';

const { Discovery } = loadServices();
const log = createLogger({ service: 'test', level: 'silent' });
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serveLookup(lookup: UnaryHandler<LookupRequest__Output, LookupResponse>) {
  const services = [implement(Discovery, { Lookup: unary(lookup) })];
  const server = createServer({ services, credentials: plaintextServer(), clock: systemClock, log });
  cleanups.push(() => server.close());
  const port = await server.listen('127.0.0.1:0');
  const client = createClient(Discovery, `127.0.0.1:${port}`, { credentials: plaintextClient() });
  cleanups.push(() => client.close());
  return client;
}

test('a value, a promise and an encoded answer all reach the caller', async () => {
  const encoded = Discovery.Lookup.responseSerialize({ revision: 3 });
  const answers: Record<string, LookupResponse | Buffer | Promise<LookupResponse>> = {
    value: { revision: 1 },
    promise: Promise.resolve({ revision: 2 }),
    encoded,
  };
  const client = await serveLookup(({ server_name }) => answers[server_name] ?? {});
  expect((await client.call('Lookup', { server_name: 'value' })).revision).toBe(1);
  expect((await client.call('Lookup', { server_name: 'promise' })).revision).toBe(2);
  expect((await client.call('Lookup', { server_name: 'encoded' })).revision).toBe(3);
});

test.each(REASONS)('%s reaches the client with its status, message and facts', async (reason) => {
  const client = await serveLookup(async () => {
    throw new ServiceError(reason, `because of "${reason}" ✓`, { metadata: { owner: 'somebody' } });
  });
  const error = await client.call('Lookup', {}).then(
    () => undefined,
    (caught: unknown) => caught as CallError,
  );
  expect(error).toBeInstanceOf(CallError);
  expect(error?.reason).toBe(reason);
  expect(error?.code).toBe(statusCodeOf(reason));
  expect(error?.message).toContain(`because of "${reason}" ✓`);
  expect(error?.facts).toEqual({ owner: 'somebody' });
});

test('a method without a handler is UNIMPLEMENTED', async () => {
  const client = await serveLookup(() => ({}));
  await expect(client.call('Register', {})).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
    reason: 'UNIMPLEMENTED',
  });
});
