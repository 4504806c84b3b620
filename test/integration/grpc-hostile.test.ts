/** What no well-meaning client sends: the server refuses it, keeps running, and neither logs nor stores it. */
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { expect, onTestFinished, test, vi } from 'vitest';
import { implement } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../harness/eventually.ts';
import { type GrpcServerOptions, startGrpcServer } from '../harness/grpc-server.ts';
import { connectRaw, frame, type RawCall } from '../harness/raw-grpc.ts';

const { Discovery } = loadServices();
const LOOKUP = '/mcp2.Discovery/Lookup';
const EMPTY: RawCall = { path: LOOKUP, body: frame(Buffer.alloc(0)) };

function serve(options?: GrpcServerOptions) {
  return startGrpcServer([implement(Discovery, { Lookup: unary(() => ({})) })], options);
}

const GARBAGE: readonly [string, Partial<RawCall>, status][] = [
  ['no message at all', { body: Buffer.alloc(0) }, status.UNIMPLEMENTED],
  ['bytes that are no frame', { body: Buffer.from('hello world') }, status.RESOURCE_EXHAUSTED],
  ['a message that is none', { body: frame(Buffer.of(0xff, 0xff)) }, status.INVALID_ARGUMENT],
  ['groups nested four million deep', { body: frame(Buffer.alloc(4_000_000, 0x7b)) }, status.INVALID_ARGUMENT],
  ['two messages', { body: Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]) }, status.UNIMPLEMENTED],
  ['a length of 4 GiB', { body: Buffer.of(0, 0xff, 0xff, 0xff, 0xff, 0) }, status.RESOURCE_EXHAUSTED],
  ['no time format', { headers: { 'grpc-timeout': 'soon' } }, status.INTERNAL],
  [
    'an unknown compression',
    { headers: { 'grpc-encoding': 'x' }, body: compressed(Buffer.of(1)) },
    status.UNIMPLEMENTED,
  ],
  ['broken gzip', { headers: { 'grpc-encoding': 'gzip' }, body: compressed(Buffer.of(1, 2, 3)) }, status.INTERNAL],
  ['gzip that becomes 64 MiB', { headers: { 'grpc-encoding': 'gzip' }, body: bomb() }, status.RESOURCE_EXHAUSTED],
  ['60 KB of metadata', { headers: { 'x-large': 'y'.repeat(60_000) } }, status.RESOURCE_EXHAUSTED],
  ['a path like a property', { path: '/__proto__/constructor' }, status.UNIMPLEMENTED],
];

test.each(GARBAGE)('%s is refused, is not logged, and the connection goes on', async (_title, call, code) => {
  await using server = await serve();
  using raw = connectRaw(server.target);
  expect((await raw.call({ ...EMPTY, ...call })).code).toBe(code);
  expect((await raw.call(EMPTY)).code).toBe(status.OK);
  expect(server.logLevels).toEqual([]);
});

test('a credential in metadata that gRPC cannot take is not printed by the library', async () => {
  await using server = await serve();
  const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  onTestFinished(() => printed.mockRestore());
  using raw = connectRaw(server.target);
  const headers = { authorization: 'Bearer hunter2\u00e9' };
  await raw.call({ ...EMPTY, headers });
  expect(printed).not.toHaveBeenCalled();
});

test('a connection that opens and resets calls without end is closed', async () => {
  await using server = await serve();
  using raw = connectRaw(server.target);
  let goAway = false;
  raw.session.on('goaway', () => {
    goAway = true;
  });
  for (let opened = 0; opened < 20_000 && !goAway; opened += 100) {
    for (let i = 0; i < 100 && !raw.session.closed; i += 1) raw.open({ path: LOOKUP }).close();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(goAway).toBe(true);
});

test('a request larger than the server takes is refused before it is read', async () => {
  await using server = await serve({ limits: { maxRequestBytes: 1024 } });
  using raw = connectRaw(server.target);
  expect((await raw.call({ path: LOOKUP, body: frame(Buffer.alloc(1025)) })).code).toBe(status.RESOURCE_EXHAUSTED);
});

test('one address cannot take all connections', async () => {
  await using server = await serve({ limits: { maxConnectionsPerAddress: 3 } });
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const open = (localAddress: string) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', localAddress }).on('error', () => undefined);
    sockets.push(socket.resume());
    return socket;
  };
  const mine = Array.from({ length: 4 }, () => open('127.0.0.1'));
  const refused = () => mine.filter(({ closed }) => closed).length;
  await eventually(refused, (count) => count === 1);
  const stranger = open('127.0.0.2');
  await eventually(
    () => stranger.bytesRead,
    (bytes) => bytes > 0,
  );
  mine.find(({ closed }) => !closed)?.destroy();
  await eventually(callOnce, ({ code }) => code === status.OK);

  function callOnce() {
    const raw = connectRaw(server.target);
    return raw.call(EMPTY).finally(() => raw.session.destroy());
  }
});

function compressed(message: Buffer): Buffer {
  return frame(message, { compressed: true });
}

function bomb(): Buffer {
  return compressed(gzipSync(Buffer.alloc(64 * 1024 * 1024)));
}
