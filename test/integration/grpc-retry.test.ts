import { status } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../harness/eventually.ts';
import { startGrpcServer } from '../harness/grpc-server.ts';
import { startTcpProxy } from '../harness/tcp-proxy.ts';

const { Discovery } = loadServices();

/** A Discovery behind a proxy. `answer` gets the number of the attempt, from 1. */
async function startBehindProxy(answer: (attempt: number) => Promise<{ readonly revision: number }>) {
  let attempts = 0;
  const count = unary(async () => answer(++attempts));
  const server = await startGrpcServer([implement(Discovery, { Lookup: count, Register: count })]);
  const proxy = await startTcpProxy({ targetPort: server.port });
  const client = createClient(Discovery, `127.0.0.1:${proxy.port}`, {
    credentials: plaintextClient(),
    idempotent: ['Lookup'],
  });
  onTestFinished(async () => {
    client.close();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  return { client, proxy, attempts: () => attempts };
}

const never = () => new Promise<never>(() => {});

test('a call whose connection breaks while the server works on it is sent again', async () => {
  const { client, proxy, attempts } = await startBehindProxy((attempt) =>
    attempt === 1 ? never() : Promise.resolve({ revision: attempt }),
  );
  const answer = client.call('Lookup', {});
  await eventually(attempts, (count) => count === 1);
  proxy.cut();
  expect(await answer).toMatchObject({ revision: 2 });
});

test('a call that may not be carried out twice is not sent again', async () => {
  const { client, proxy, attempts } = await startBehindProxy(never);
  const answer = client.call('Register', {});
  await eventually(attempts, (count) => count === 1);
  proxy.cut();
  await expect(answer).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(attempts()).toBe(1);
});

test('while nobody listens a call waits for the server, and another fails at once', async () => {
  const { client, proxy } = await startBehindProxy(async () => ({ revision: 1 }));
  await client.call('Lookup', {});
  await proxy.refuse();
  await expect(client.call('Register', {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const answer = client.call('Lookup', {});
  await expect(client.call('Lookup', {}, { deadlineMs: 500 })).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  await proxy.pass();
  expect(await answer).toMatchObject({ revision: 1 });
});

test('a server that does not know yet what it serves is asked again, five times in all', async () => {
  const { client, attempts } = await startBehindProxy(async (attempt) => {
    if (attempt < 4 || attempt > 4) throw new ServiceError('STORE_UNAVAILABLE', 'not read yet');
    return { revision: attempt };
  });
  expect(await client.call('Lookup', {})).toMatchObject({ revision: 4 });
  await expect(client.call('Lookup', {})).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect(attempts()).toBe(4 + 5);
});

test('a refusal is final', async () => {
  const { client, attempts } = await startBehindProxy(async () => {
    throw new ServiceError('CAPABILITY_DENIED', 'no');
  });
  await expect(client.call('Lookup', {})).rejects.toMatchObject({ reason: 'CAPABILITY_DENIED' });
  expect(attempts()).toBe(1);
});
