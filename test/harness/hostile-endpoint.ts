/** Endpoints that do what no honest server does, for the handshake: on 127.0.0.1, each on a port of its own. */
import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Certificate } from './pki.ts';
import { frame } from './raw-grpc.ts';

export interface HostileEndpoint extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  connections(): number;
}

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Speaks HTTP/2, over TLS with a certificate, and then does as it likes. */
export async function startHttp2Endpoint(onStream: OnStream, certificate?: Certificate): Promise<HostileEndpoint> {
  const server: Http2Server =
    certificate === undefined
      ? createServer()
      : createSecureServer({ cert: certificate.certificate, key: certificate.key });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  server.on('sessionError', () => undefined);
  return listen(server as unknown as Server);
}

/** Takes connections, and does as it likes with each. */
export function startTcpEndpoint(onConnection: (socket: Socket) => void = () => undefined): Promise<HostileEndpoint> {
  return listen(createTcpServer(onConnection));
}

/** One answered call. */
export function answer(stream: ServerHttp2Stream, message: Buffer, status = 0): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status) }));
  stream.end(message.length === 0 ? undefined : frame(message));
}

async function listen(server: Server): Promise<HostileEndpoint> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined).once('close', () => sockets.delete(socket)));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
