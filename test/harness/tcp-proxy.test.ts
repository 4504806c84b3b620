import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

interface EchoServer extends AsyncDisposable {
  readonly port: number;
  /** What clients have asked so far. */
  readonly asked: () => string;
}

/** A real server that answers every byte with itself. */
async function startEcho(): Promise<EchoServer> {
  let asked = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      asked += piece.toString();
      socket.write(piece);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

interface EchoClient extends Disposable {
  readonly socket: Socket;
  readonly heard: () => string;
  /** Error code of the connection's end, "end" for an orderly one, undefined while it is open. */
  readonly ended: () => string | undefined;
}

function openClient({ port }: { readonly port: number }): EchoClient {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  let ended: string | undefined;
  socket.on('data', (piece) => {
    heard += piece.toString();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ended = error.code;
  });
  socket.on('close', () => {
    ended ??= 'end';
  });
  return { socket, heard: () => heard, ended: () => ended, [Symbol.dispose]: () => void socket.destroy() };
}

async function startBoth(): Promise<AsyncDisposable & { echo: EchoServer; proxy: TcpProxy }> {
  const echo = await startEcho();
  const proxy = await startTcpProxy({ targetPort: echo.port });
  const dispose = async () => {
    await proxy[Symbol.asyncDispose]();
    await echo[Symbol.asyncDispose]();
  };
  return { echo, proxy, [Symbol.asyncDispose]: dispose };
}

const is = (wanted: unknown) => (seen: unknown) => seen === wanted;

test('cut resets open connections and lets new ones through', async () => {
  await using both = await startBoth();
  using before = openClient(both.proxy);
  before.socket.write('a');
  await eventually(before.heard, is('a'));
  both.proxy.cut();
  await eventually(before.ended, is('ECONNRESET'));
  using after = openClient(both.proxy);
  after.socket.write('b');
  await eventually(after.heard, is('b'));
  expect(both.proxy.acceptedCount).toBe(2);
});

test('refuse turns new connections away until pass', async () => {
  await using both = await startBoth();
  await both.proxy.refuse();
  using refused = openClient(both.proxy);
  await eventually(refused.ended, is('ECONNREFUSED'));
  await both.proxy.pass();
  using after = openClient(both.proxy);
  after.socket.write('b');
  await eventually(after.heard, is('b'));
});

test('hang passes nothing in either direction, and pass delivers what waited', async () => {
  await using both = await startBoth();
  using open = openClient(both.proxy);
  open.socket.write('a');
  await eventually(open.heard, is('a'));
  both.proxy.hang();
  open.socket.write('b');
  using late = openClient(both.proxy);
  late.socket.write('c');
  await eventually(() => both.proxy.acceptedCount, is(2));
  // A second connection makes the trip through a proxy that passes: time enough for a byte that leaked.
  await using other = await startTcpProxy({ targetPort: both.echo.port });
  using witness = openClient(other);
  witness.socket.write('w');
  await eventually(witness.heard, is('w'));
  expect([open.heard(), open.ended(), late.heard(), late.ended()]).toEqual(['a', undefined, '', undefined]);
  expect(both.echo.asked()).toBe('aw');
  await both.proxy.pass();
  await eventually(open.heard, is('ab'));
  await eventually(late.heard, is('c'));
});

test('with dropped replies the server has acted, the client hears nothing, and pass cuts the damaged connection', async () => {
  await using both = await startBoth();
  using client = openClient(both.proxy);
  client.socket.write('a');
  await eventually(client.heard, is('a'));
  both.proxy.dropReplies();
  client.socket.write('b');
  await eventually(both.echo.asked, is('ab'));
  expect(client.heard()).toBe('a');
  await both.proxy.pass();
  await eventually(client.ended, is('ECONNRESET'));
  expect(client.heard()).toBe('a');
});

test('delay holds bytes back in both directions and keeps their order when it ends', async () => {
  await using both = await startBoth();
  using client = openClient(both.proxy);
  client.socket.write('a');
  await eventually(client.heard, is('a'));
  both.proxy.delay(200);
  const startedMs = performance.now();
  client.socket.write('b');
  await eventually(both.echo.asked, is('ab'));
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(195);
  await both.proxy.pass();
  client.socket.write('c');
  await eventually(client.heard, is('abc'));
});

test('a filter lets the client see one reply and cuts the connection behind it', async () => {
  await using both = await startBoth();
  both.proxy.filterReplies(() => 'pass-then-cut');
  using client = openClient(both.proxy);
  client.socket.write('a');
  await eventually(client.ended, (how) => how !== undefined);
  expect(client.heard()).toBe('a');
});
