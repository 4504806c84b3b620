import { connect, constants } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { expect, test } from 'vitest';
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { serverStream } from '#lib/grpc/server-stream.ts';
import { unary } from '#lib/grpc/unary.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../harness/eventually.ts';
import { startGrpcServer } from '../harness/grpc-server.ts';

const { Discovery } = loadServices();

/** Discovery with a Lookup that answers when told to and a Watch that never ends by itself. */
async function startSlowService(limits: { readonly streamGraceMs?: number } = {}) {
  const release = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const services = [
    implement(Discovery, {
      Lookup: unary(async () => {
        entered.resolve();
        await release.promise;
        return { revision: 42 };
      }),
      Watch: serverStream(async function* (_request, call) {
        yield { revision: 1 };
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
      }),
      Heartbeat: bidiStream(async function* (requests) {
        for await (const _request of requests) yield { revision: 1 };
      }),
    }),
  ];
  const server = await startGrpcServer(services, { limits });
  return { server, release: () => release.resolve(), entered: entered.promise };
}

test('a drain lets a running call finish, refuses new ones, and then is done', async () => {
  const { server, release, entered } = await startSlowService();
  await using _server = server;
  const running = server.client(Discovery).call('Lookup', {});
  await entered;
  let drained = false;
  const draining = server.server.drain(10_000).then(() => {
    drained = true;
  });
  const late = createClient(Discovery, server.target, { credentials: plaintextClient() });
  await expect(late.call('Lookup', {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  late.close();
  expect(drained).toBe(false);
  release();
  expect((await running).revision).toBe(42);
  await draining;
});

test('a drain ends streams with a reason after their grace, and does not wait for the whole time', async () => {
  const { server } = await startSlowService({ streamGraceMs: 20 });
  await using _server = server;
  const client = server.client(Discovery);
  const silent = (async function* () {
    yield {};
    await new Promise(() => {});
  })();
  const streams = [client.serverStream('Watch', {}), client.bidiStream('Heartbeat', silent)];
  for (const stream of streams) expect((await stream.next()).value).toMatchObject({ revision: 1 });
  const startedMs = performance.now();
  const ends = streams.map((stream) => stream.next());
  await Promise.all([server.server.drain(30_000), ...ends.map((end) => end.catch(() => undefined))]);
  for (const end of ends) await expect(end).rejects.toMatchObject({ code: 14, reason: 'SHUTTING_DOWN' });
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});

test('a call that does not finish in time is cut, and its handler hears of it', async () => {
  const aborted = Promise.withResolvers<unknown>();
  const entered = Promise.withResolvers<void>();
  const lookup = unary<unknown, object>((_request, call) => {
    call.signal.addEventListener('abort', () => aborted.resolve(call.signal.reason));
    entered.resolve();
    return new Promise(() => {});
  });
  await using server = await startGrpcServer([implement(Discovery, { Lookup: lookup })]);
  const running = server.client(Discovery).call('Lookup', {});
  running.catch(() => undefined);
  await entered.promise;
  await server.server.drain(50);
  await expect(running).rejects.toMatchObject({ code: expect.any(Number) });
  expect(await aborted.promise).toMatchObject({ name: 'CallCancelled' });
});

test('after a drain the port is free again, also when nobody ever called', async () => {
  await using first = await startGrpcServer([]);
  await first.server.drain(1_000);
  await using second = await startGrpcServer([]);
  expect(await second.server.listen(first.target)).toBe(first.port);
});

test('close ends a drain that is under way', async () => {
  const { server, entered } = await startSlowService();
  const running = server.client(Discovery).call('Lookup', {});
  running.catch(() => undefined);
  await entered;
  const draining = server.server.drain(60_000);
  await server.server.close();
  await draining;
  await expect(running).rejects.toMatchObject({ code: expect.any(Number) });
});

test('health says what is served, by service and for the whole server', async () => {
  await using server = await startGrpcServer([implement(Discovery, {})]);
  const client = server.client(healthService);
  const check = (service: string) => client.call('Check' as never, { service } as never) as Promise<unknown>;
  expect(await check('')).toEqual({ status: 'SERVING' });
  server.server.health.set('mcp2.Discovery', 'NOT_SERVING');
  expect(await check('mcp2.Discovery')).toEqual({ status: 'NOT_SERVING' });
  expect(await check('')).toEqual({ status: 'NOT_SERVING' });
  await expect(check('mcp2.Nobody')).rejects.toMatchObject({ code: status.NOT_FOUND });
  expect(() => server.server.health.set('mcp2.Nobody', 'SERVING')).toThrow('mcp2.Nobody');
});

test('a health watch tells each change, and a drain tells NOT_SERVING before it ends the watch', async () => {
  await using server = await startGrpcServer([implement(Discovery, {})], { limits: { streamGraceMs: 20 } });
  const client = server.client(healthService);
  const watch = client.serverStream('Watch' as never, { service: 'mcp2.Discovery' } as never);
  const unknown = client.serverStream('Watch' as never, { service: 'mcp2.Nobody' } as never);
  const next = async () => (await watch.next()).value as unknown;
  expect(await next()).toEqual({ status: 'SERVING' });
  expect((await unknown.next()).value).toEqual({ status: 'SERVICE_UNKNOWN' });
  server.server.health.set('mcp2.Discovery', 'NOT_SERVING');
  expect(await next()).toEqual({ status: 'NOT_SERVING' });
  server.server.health.set('mcp2.Discovery', 'SERVING');
  expect(await next()).toEqual({ status: 'SERVING' });
  const draining = server.server.drain(10_000);
  expect(await next()).toEqual({ status: 'NOT_SERVING' });
  await expect(watch.next()).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
  await unknown.return();
  await draining;
});

test('a connection that breaks cancels its calls', async () => {
  const { server, entered } = await startSlowService();
  await using _server = server;
  const session = connect(`http://${server.target}`);
  session.on('error', () => undefined);
  const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_CONTENT_TYPE } = constants;
  const stream = session.request({
    [HTTP2_HEADER_METHOD]: 'POST',
    [HTTP2_HEADER_PATH]: '/mcp2.Discovery/Lookup',
    [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
  });
  stream.on('error', () => undefined);
  stream.end(Buffer.alloc(5));
  await entered;
  session.destroy();
  const ends = await eventually(
    () => server.ends,
    (seen) => seen.length > 0,
  );
  expect(ends).toMatchObject([{ code: status.CANCELLED }]);
});

test('a connection may hold 256 streams and receives a window of 1 MiB', async () => {
  await using server = await startGrpcServer([implement(Discovery, {})]);
  const session = connect(`http://${server.target}`);
  const settings = await eventually(
    () => session.remoteSettings,
    (seen) => seen.initialWindowSize === 1024 * 1024,
  );
  expect(settings.maxConcurrentStreams).toBe(256);
  const remoteWindow = await eventually(
    () => session.state.remoteWindowSize,
    (bytes) => bytes === 1024 * 1024,
  );
  expect(remoteWindow).toBe(1024 * 1024);
  session.close();
});
