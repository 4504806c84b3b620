/**
 * The listening socket of a gRPC server.
 *
 * It is ours, and connections are handed to grpc-js through its connection injector, for three reasons: a port that is
 * taken is told by its error code instead of a sentence to search in, the number of connections has bounds, and the
 * HTTP/2 sessions can be given a receive window that fits large messages. grpc-js has no server option for the last
 * (https://github.com/grpc/grpc-node/pull/3058); without it 64 KiB are in flight and a 1 MiB message takes twice as long.
 *
 * It is also what a drain waits for: grpc-js 1.14 says that it is shut down as soon as the sessions are closing, not when
 * their calls have ended, and its forceShutdown leaves connections alone when channelz is off.
 */
import { once } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import net from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { explainListenFailure, type HostPort } from '../net/listen-address.ts';

export interface ListenerOptions {
  readonly grpcServer: Server;
  readonly credentials: ServerCredentials;
  readonly maxConnections: number;
  /** Of these, from one IP address; more are closed at once. */
  readonly maxConnectionsPerAddress: number;
  /** Bytes a client may send on a connection, and on each stream, before it must wait for us. */
  readonly receiveWindowBytes: number;
}

export interface Listener {
  readonly port: number;
  /** Accepts no more connections. Resolves when those that are open have ended. */
  stop(): Promise<void>;
  /** Breaks the connections that are open. */
  cut(): void;
}

/** @throws ListenError */
export async function openListener(address: HostPort, options: ListenerOptions): Promise<Listener> {
  const { grpcServer, credentials, maxConnections, maxConnectionsPerAddress, receiveWindowBytes } = options;
  const injector = grpcServer.createConnectionInjector(credentials);
  widenReceiveWindow(grpcServer, receiveWindowBytes);
  const sockets = new Set<net.Socket>();
  const admit = createAdmission(maxConnectionsPerAddress);
  const socketServer = net.createServer({ noDelay: true }, (socket) => {
    if (!admit(socket)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  socketServer.maxConnections = maxConnections;
  socketServer.listen(address.port, address.host);
  try {
    await once(socketServer, 'listening');
  } catch (error) {
    throw explainListenFailure(address, error);
  }
  const { port } = socketServer.address() as net.AddressInfo;
  const closed = once(socketServer, 'close').then(() => undefined);
  return {
    port,
    stop(): Promise<void> {
      if (socketServer.listening) socketServer.close();
      return closed;
    },
    cut(): void {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Without it one client that opens connections and says nothing would keep everybody else out. */
function createAdmission(maxPerAddress: number): (socket: net.Socket) => boolean {
  const open = new Map<string, number>();
  return function admit(socket) {
    const address = socket.remoteAddress ?? '';
    const others = open.get(address) ?? 0;
    if (others >= maxPerAddress) {
      socket.destroy();
      return false;
    }
    open.set(address, others + 1);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    return true;
  };
}

/**
 * The injector makes its HTTP/2 server inside grpc-js; the only way to its sessions is the private map of servers. Where
 * a later version has no such map, connections keep the default window: slower, not wrong.
 */
function widenReceiveWindow(grpcServer: Server, bytes: number): void {
  const servers: unknown = Reflect.get(grpcServer, 'http2Servers');
  if (!(servers instanceof Map)) return;
  for (const http2Server of servers.keys()) {
    http2Server.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(bytes);
      session.settings({ initialWindowSize: bytes });
    });
  }
}
