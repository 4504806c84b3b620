/** What stands between a call and its handler: guards of all kinds, and layers that see unary calls and streams alike. */
import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { clientStream } from '#lib/grpc/client-stream.ts';
import type { Guard, Guards, MethodGuard } from '#lib/grpc/guard.ts';
import { implement, type ServerHandler, type ServerMiddleware } from '#lib/grpc/method.ts';
import { serverStream } from '#lib/grpc/server-stream.ts';
import { unary } from '#lib/grpc/unary.ts';
import { loadServices } from '#protos/load.ts';
import { startGrpcServer } from '../harness/grpc-server.ts';

const { Discovery, ContextTool } = loadServices();
/** Of every method but those of health. */
const forAll =
  (guard: MethodGuard): Guards =>
  (method) =>
    method.startsWith('Health.') ? { on: 'nothing' } : guard;
const denied = () => new ServiceError('CAPABILITY_DENIED', 'not this one');

async function collect<T>(stream: AsyncIterable<T>): Promise<{ readonly items: T[]; readonly error: unknown }> {
  const items: T[] = [];
  try {
    for await (const item of stream) items.push(item);
    return { items, error: undefined };
  } catch (error) {
    return { items, error };
  }
}

async function* beats(...loads: readonly number[]) {
  for (const load_permille of loads) yield { load_permille };
}

/** Refuses the message with this load, at once or later. */
const refuseLoad =
  (refused: number, isAsync: boolean): Guard =>
  (message) => {
    const isRefused = (message as { readonly load_permille: number }).load_permille === refused;
    if (!isAsync && isRefused) throw denied();
    if (!isAsync) return undefined;
    return Promise.resolve().then(() => {
      if (isRefused) throw denied();
    });
  };

test.each([
  ['first', 1, true],
  ['first', 1, false],
  ['each', 3, true],
  ['each', 3, false],
] as const)(
  'a guard of %s lets %i messages through before the one it refuses (async %s)',
  async (on, count, isAsync) => {
    const seen: number[] = [];
    const Heartbeat = bidiStream(async function* (requests: AsyncIterable<{ readonly load_permille: number }>) {
      for await (const { load_permille: load } of requests) {
        seen.push(load);
        yield { revision: load };
      }
    });
    const check = refuseLoad(4, isAsync);
    const guard: MethodGuard = on === 'each' ? { on, begin: () => check } : { on, check };
    await using server = await startGrpcServer([implement(Discovery, { Heartbeat })], { guards: forAll(guard) });
    const stream = server.client(Discovery).bidiStream('Heartbeat', beats(1, 2, 3, 4, 5));
    const { items, error } = await collect(stream);
    if (on === 'first') {
      expect(seen).toEqual([1, 2, 3, 4, 5]);
      expect(error).toBeUndefined();
    } else {
      expect(seen).toEqual([1, 2, 3]);
      expect(items).toHaveLength(count);
      expect(error).toMatchObject({ reason: 'CAPABILITY_DENIED' });
    }
  },
);

test('a handler that reads nothing does not begin before the first message was let through', async () => {
  let isBegun = false;
  const UploadContext = clientStream(async () => {
    isBegun = true;
    return {};
  });
  const Heartbeat = bidiStream(async function* () {
    isBegun = true;
    yield {};
  });
  const refuse: MethodGuard = {
    on: 'first',
    check() {
      throw denied();
    },
  };
  const services = [implement(ContextTool, { UploadContext }), implement(Discovery, { Heartbeat })];
  await using server = await startGrpcServer(services, { guards: forAll(refuse) });
  const upload = server.client(ContextTool).clientStream('UploadContext', chunks());
  await expect(upload).rejects.toMatchObject({ reason: 'CAPABILITY_DENIED' });
  const beating = await collect(server.client(Discovery).bidiStream('Heartbeat', beats(1)));
  expect(beating.error).toMatchObject({ reason: 'CAPABILITY_DENIED' });
  const empty = await collect(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(empty.error).toMatchObject({ reason: 'ARGUMENT_INVALID' });
  expect(isBegun).toBe(false);
});

async function* chunks() {
  yield { header: { context_key: 'a:b' } };
}

test('a guard of a server stream may decide later, and nothing is sent before', async () => {
  const Watch = serverStream(async function* () {
    yield { revision: 1 };
  });
  const later: MethodGuard = {
    on: 'request',
    check: (request) =>
      Promise.resolve().then(() => {
        if ((request as { readonly from_revision: number }).from_revision === 1) throw denied();
      }),
  };
  await using server = await startGrpcServer([implement(Discovery, { Watch })], { guards: forAll(later) });
  const client = server.client(Discovery);
  expect((await collect(client.serverStream('Watch', {}))).items).toHaveLength(1);
  const refused = await collect(client.serverStream('Watch', { from_revision: 1 }));
  expect(refused.items).toEqual([]);
  expect(refused.error).toBeInstanceOf(CallError);
});

test('a guard for another kind of method does not start', async () => {
  const guards = forAll({ on: 'first', check: () => undefined });
  const Lookup = unary(() => ({}));
  await expect(startGrpcServer([implement(Discovery, { Lookup })], { guards })).rejects.toThrow(
    'another kind of method',
  );
});

test('layers see calls and streams in one shape, the first outermost, and those that were let through alone', async () => {
  const told: string[] = [];
  const layer =
    (label: string): ServerMiddleware =>
    (next, { name }) =>
    (request, call) => {
      told.push(`${label} ${name}`);
      return next(request, call);
    };
  const uppercase: ServerMiddleware = (next, { requestStream, responseStream }) => {
    if (requestStream) return next;
    return responseStream ? changeStream(next) : changeReply(next);
  };
  const services = implement(Discovery, {
    Lookup: unary(() => ({ next_page_token: 'a' })),
    Watch: serverStream(async function* () {
      yield { revision: 1 };
    }),
  });
  const guard: MethodGuard = {
    on: 'request',
    check(request) {
      if ((request as { readonly requester_token: string }).requester_token === 'no') throw denied();
    },
  };
  const middleware = [layer('outer'), uppercase, layer('inner')];
  await using server = await startGrpcServer([services], { guards: forAll(guard), middleware });
  const client = server.client(Discovery);
  expect(await client.call('Lookup', {})).toMatchObject({ next_page_token: 'A' });
  expect((await collect(client.serverStream('Watch', {}))).items).toMatchObject([{ revision: 7 }]);
  await expect(client.call('Lookup', { requester_token: 'no' })).rejects.toMatchObject({ reason: 'CAPABILITY_DENIED' });
  const both = (name: string) => [`outer ${name}`, `inner ${name}`];
  expect(told).toEqual([...both('Discovery.Lookup'), ...both('Discovery.Watch')]);
});

function changeReply(next: ServerHandler): ServerHandler {
  return (request, call) => {
    const { next_page_token: token } = next(request, call) as { readonly next_page_token: string };
    return { next_page_token: token.toUpperCase() };
  };
}

function changeStream(next: ServerHandler): ServerHandler {
  return async function* (request, call) {
    for await (const event of next(request, call) as AsyncIterable<object>) yield { ...event, revision: 7 };
  };
}
