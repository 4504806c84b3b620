import { Client, status } from '@grpc/grpc-js';
import { expect, onTestFinished, test, vi } from 'vitest';
import { REASONS, ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { serverStream } from '#lib/grpc/server-stream.ts';
import { reasonOf, statusCodeOf } from '#lib/grpc/status.ts';
import { type UnaryHandler, unary, unaryEncoded } from '#lib/grpc/unary.ts';
import type { LookupRequest__Output } from '#protos/generated/mcp2/LookupRequest.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../harness/eventually.ts';
import { type GrpcServerOptions, startGrpcServer } from '../harness/grpc-server.ts';
import { startTcpEndpoint } from '../harness/hostile-endpoint.ts';

const { Discovery } = loadServices();

type Lookup = UnaryHandler<LookupRequest__Output, LookupResponse>;

const serveLookup = (lookup: Lookup, options?: GrpcServerOptions) =>
  startGrpcServer([implement(Discovery, { Lookup: unary(lookup) })], options);

/** The error of a call that must fail. */
async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const outcome = await call.then(
    () => 'the call succeeded',
    (error: unknown) => error,
  );
  if (!(outcome instanceof CallError)) throw new Error(`no CallError: ${String(outcome)}`);
  return outcome;
}

test.each(REASONS)('%s reaches the client with its status, message and facts', async (reason) => {
  await using server = await serveLookup(async () => {
    throw new ServiceError(reason, `because of "${reason}" ✓`, { metadata: { owner: 'somebody' } });
  });
  const error = await failureOf(server.client(Discovery).call('Lookup', {}));
  expect(error.reason).toBe(reason);
  expect(error.code).toBe(statusCodeOf(reason));
  expect(error.message).toContain(`because of "${reason}" ✓`);
  expect(error.facts).toEqual({ owner: 'somebody' });
});

test.each<[string, Lookup]>([
  [
    'throws an error',
    () => {
      throw new Error('password is hunter2');
    },
  ],
  ['rejects', () => Promise.reject(new Error('password is hunter2'))],
  [
    'throws something else',
    () => {
      throw undefined;
    },
  ],
  ['answers nothing', () => undefined as unknown as LookupResponse],
  ['answers what is no message', async () => ({ endpoints: 'x' }) as unknown as LookupResponse],
])('a handler that %s is INTERNAL without detail, is logged once, and the server goes on', async (_title, broken) => {
  await using server = await serveLookup((request, call) => (request.page_size === 1 ? broken(request, call) : {}));
  const client = server.client(Discovery);
  const error = await failureOf(client.call('Lookup', { page_size: 1 }));
  expect(error.code).toBe(status.INTERNAL);
  expect(error.message).not.toContain('hunter2');
  expect(server.logLevels).toEqual(['error']);
  expect(server.ends).toMatchObject([{ code: status.INTERNAL, reason: 'INTERNAL' }]);
  expect(await client.call('Lookup', {})).toMatchObject({ stale: false });
});

test('a message that is no well-formed text does not break the answer', async () => {
  await using server = await serveLookup(() => {
    throw new ServiceError('NAME_INVALID', `the name "\ud800${'x'.repeat(100_000)}" is too long`);
  });
  expect((await failureOf(server.client(Discovery).call('Lookup', {}))).reason).toBe('NAME_INVALID');
});

test('a call whose client set no deadline ends after the assumed one and fires the signal', async () => {
  const signals: AbortSignal[] = [];
  const never: Lookup = (_request, call) => {
    signals.push(call.signal);
    return new Promise(() => {});
  };
  await using server = await serveLookup(never, { limits: { assumedDeadlineMs: 50 } });
  const raw = new Client(server.target, plaintextClient());
  const error = await new Promise<unknown>((resolve) => {
    raw.makeUnaryRequest('/mcp2.Discovery/Lookup', Buffer.from, Buffer.from, Buffer.alloc(0), resolve);
  });
  raw.close();
  expect(reasonOf(error)).toBe('DEADLINE_EXCEEDED');
  expect(signals[0]?.reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect(server.ends.map(({ code }) => code)).toEqual([status.DEADLINE_EXCEEDED]);
});

test("the client's own deadline reaches the handler, ends the call and fires the signal", async () => {
  const calls: CallContext[] = [];
  await using server = await serveLookup((_request, call) => {
    calls.push(call);
    return new Promise((_resolve, reject) => call.signal.addEventListener('abort', () => reject(call.signal.reason)));
  });
  const startedMs = Date.now();
  const error = await failureOf(server.client(Discovery).call('Lookup', {}, { deadlineMs: 200 }));
  expect(error.reason).toBe('DEADLINE_EXCEEDED');
  const call = await eventually(
    () => calls[0],
    (seen) => seen?.signal.aborted === true,
  );
  expect(call?.deadlineMs).toBeGreaterThan(startedMs);
  expect(call?.deadlineMs).toBeLessThan(startedMs + 1_200);
  expect(server.logLevels).toEqual([]);
});

test('a client that cancels fires the signal, and the call counts as cancelled', async () => {
  const giveUp = new AbortController();
  await using server = await serveLookup((_request, call) => {
    giveUp.abort(new Error('no longer needed'));
    return new Promise((resolve) => call.signal.addEventListener('abort', () => resolve({})));
  });
  const call = server.client(Discovery).call('Lookup', {}, { signal: giveUp.signal });
  await expect(call).rejects.toThrow('no longer needed');
  const ends = await eventually(
    () => server.ends,
    (seen) => seen.length > 0,
  );
  expect(ends).toMatchObject([{ code: status.CANCELLED, reason: undefined }]);
  expect(ends[0]?.call.signal.reason).toMatchObject({ name: 'CallCancelled' });
});

test('the signal of a call that was answered stays quiet', async () => {
  const signals: AbortSignal[] = [];
  await using server = await serveLookup(async (_request, call) => {
    signals.push(call.signal);
    return {};
  });
  const client = server.client(Discovery);
  await client.call('Lookup', {});
  await client.call('Lookup', {});
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
});

test('metadata over 8 KiB is refused before the handler runs, and 7 KiB is not', async () => {
  let handled = 0;
  await using server = await serveLookup(() => {
    handled += 1;
    return {};
  });
  const client = server.client(Discovery);
  const sized = (bytes: number) => client.call('Lookup', {}, { metadata: { filler: 'x'.repeat(bytes) } });
  expect((await failureOf(sized(8 * 1024))).reason).toBe('LIMIT_EXCEEDED');
  expect(handled).toBe(0);
  await sized(7 * 1024);
  expect(handled).toBe(1);
});

test('a request of more than 4 MiB is refused, and one of 3 MiB is not', async () => {
  await using server = await serveLookup(() => ({}));
  const client = server.client(Discovery);
  const sized = (bytes: number) => client.call('Lookup', { page_token: 'x'.repeat(bytes) });
  await sized(3 * 1024 * 1024);
  expect((await failureOf(sized(5 * 1024 * 1024))).reason).toBe('LIMIT_EXCEEDED');
});

test('an answer of more than 4 MiB is refused with a reason, and counted so', async () => {
  await using server = await serveLookup(() => ({ next_page_token: 'x'.repeat(5 * 1024 * 1024) }));
  const error = await failureOf(server.client(Discovery).call('Lookup', {}));
  expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'LIMIT_EXCEEDED' });
  expect(error.message).toContain('ask for less');
  expect(server.ends).toMatchObject([{ code: status.RESOURCE_EXHAUSTED }]);
});

test('a handler of encoded requests gets the bytes, and the message when it asks', async () => {
  const revisionOf = unaryEncoded<LookupRequest__Output, LookupResponse>(async (request, call) => {
    return { revision: request.bytes.length, next_page_token: (await request.open(call)).server_name };
  });
  await using server = await startGrpcServer([implement(Discovery, { Lookup: revisionOf })]);
  const request = { server_name: 'Db' };
  const answer = await server.client(Discovery).call('Lookup', request);
  expect(answer.revision).toBe(Discovery.Lookup.requestSerialize(request).length);
  expect(answer.next_page_token).toBe('Db');
});

test.each([
  ['unary', unary<LookupRequest__Output, LookupResponse>(() => ({}))],
  [
    'unaryEncoded',
    unaryEncoded<LookupRequest__Output, LookupResponse>(async (request, call) => ({
      not_serving: [(await request.open(call)).server_name],
    })),
  ],
])('bytes that are no message are the fault of the caller (%s)', async (_adapter, Lookup) => {
  await using server = await startGrpcServer([implement(Discovery, { Lookup })]);
  const raw = new Client(server.target, plaintextClient());
  const error = await new Promise<unknown>((resolve) => {
    const noSuchWireType = Buffer.from([0x0f]);
    raw.makeUnaryRequest('/mcp2.Discovery/Lookup', Buffer.from, Buffer.from, noSuchWireType, resolve);
  });
  raw.close();
  expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(reasonOf(error)).toBe('ARGUMENT_INVALID');
  expect(server.logLevels).not.toContain('error');
});

test('a method without a handler and a service that is not there are UNIMPLEMENTED', async () => {
  await using server = await serveLookup(() => ({}));
  expect((await failureOf(server.client(Discovery).call('Register', {}))).reason).toBe('UNIMPLEMENTED');
  const { TokenService } = loadServices();
  expect((await failureOf(server.client(TokenService).call('GetJwks', {}))).reason).toBe('UNIMPLEMENTED');
});

test('calls are counted by method and status', async () => {
  await using server = await serveLookup(({ page_size }) => {
    if (page_size === 1) throw new ServiceError('FILTER_INVALID', 'no');
    return page_size === 2 ? Promise.resolve({}) : {};
  });
  const client = server.client(Discovery);
  for (const page_size of [0, 1, 2]) await client.call('Lookup', { page_size }).catch(() => undefined);
  const metrics = await server.metrics();
  const labels = 'grpc_service="mcp2.Discovery",grpc_method="Lookup"';
  expect(metrics).toContain(`grpc_server_handled_total{${labels},grpc_code="OK",service="test"} 2`);
  expect(metrics).toContain(`grpc_server_handled_total{${labels},grpc_code="INVALID_ARGUMENT",service="test"} 1`);
  expect(metrics).toContain(`grpc_server_started_total{${labels},service="test"} 3`);
  expect(metrics).toMatch(/grpc_server_handling_seconds_count\{.*grpc_method="Lookup".*\} 3/);
});

test('an audit that fails does not touch the answer', async () => {
  await using server = await serveLookup(() => ({ revision: 7 }), {
    onCallEnd: () => {
      throw new Error('disk full');
    },
  });
  expect((await server.client(Discovery).call('Lookup', {})).revision).toBe(7);
});

test('a port that is in use is told in a sentence', async () => {
  await using first = await serveLookup(() => ({}));
  await using second = await serveLookup(() => ({}));
  await expect(second.server.listen(first.target)).rejects.toThrow(`${first.target}: the port is in use; stop`);
  await expect(second.server.listen('50050')).rejects.toThrow('"50050" is no host:port');
});

test('an adapter of another kind than its method is an error at the start', async () => {
  const stream = serverStream(async function* () {});
  const starting = startGrpcServer([implement(Discovery, { Lookup: stream })]);
  await expect(starting).rejects.toThrow('/mcp2.Discovery/Lookup has an adapter of another kind');
});

test('one value, one promise and one encoded answer all reach the caller', async () => {
  const encoded = Discovery.Lookup.responseSerialize({ revision: 3 });
  await using server = await serveLookup(({ page_size }) => {
    if (page_size === 1) return { revision: 1 };
    return page_size === 2 ? Promise.resolve({ revision: 2 }) : encoded;
  });
  const client = server.client(Discovery);
  const revisions = [1, 2, 3].map(async (page_size) => (await client.call('Lookup', { page_size })).revision);
  expect(await Promise.all(revisions)).toEqual([1, 2, 3]);
});

test.each(['http_proxy', 'https_proxy', 'grpc_proxy'])('a call goes to its server and not to %s', async (variable) => {
  await using server = await serveLookup(() => ({}));
  await using proxy = await startTcpEndpoint();
  vi.stubEnv(variable, `http://127.0.0.1:${proxy.port}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  await server.client(Discovery).call('Lookup', {}, { deadlineMs: 2_000 });
  expect(proxy.connections()).toBe(0);
});
