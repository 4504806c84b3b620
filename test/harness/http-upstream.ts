/** Upstreams of HTTP sources: real servers on free ports, well-behaved ones and ones that speak raw bytes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface SeenRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Upstream extends AsyncDisposable {
  /** "http://127.0.0.1:40123". */
  readonly origin: string;
  readonly port: number;
  /** In order, each once its body was read. */
  readonly requests: readonly SeenRequest[];
  /** Opened so far. */
  readonly connectionCount: number;
  /** Open now. */
  readonly openConnections: number;
}

export interface UpstreamOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly tls?: ServerOptions;
}

/** @param answer Called with the whole request. */
export async function startUpstream(
  answer: (request: SeenRequest, response: ServerResponse) => void,
  { host = '127.0.0.1', tls }: UpstreamOptions = {},
): Promise<Upstream> {
  const requests: SeenRequest[] = [];
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => undefined);
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url: target = '', headers } = incoming;
      const request = { method, target, headers, body: Buffer.concat(chunks).toString() };
      requests.push(request);
      answer(request, response);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  return serve(server, { host, scheme: tls === undefined ? 'http' : 'https', requests });
}

/** @param onConnection Called with the socket and its number, from 1. It may write anything. */
export async function startRawUpstream(
  onConnection: (socket: Socket, number: number) => void,
  { host = '127.0.0.1' }: Pick<UpstreamOptions, 'host'> = {},
): Promise<Upstream> {
  let number = 0;
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    number += 1;
    onConnection(socket, number);
  });
  return serve(server, { host, scheme: 'http', requests: [] });
}

/** Calls back for each request that came whole on this socket, with its head and body as text; for raw upstreams. */
export function onRawRequest(socket: Socket, onRequest: (request: string, number: number) => void): void {
  let pending = '';
  let number = 0;
  socket.on('data', (chunk) => {
    pending += chunk.toString('latin1');
    for (let end = requestEnd(pending); end !== undefined; end = requestEnd(pending)) {
      const request = pending.slice(0, end);
      pending = pending.slice(end);
      number += 1;
      onRequest(request, number);
    }
  });
}

/** An address of this machine that is not loopback. @throws Error when it has none */
export function otherAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(({ internal, family }) => !internal && family === 'IPv4');
  if (found === undefined) throw new Error('this test needs an IPv4 address of this machine besides loopback');
  return found.address;
}

function requestEnd(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return undefined;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= head + 4 + length ? head + 4 + length : undefined;
}

interface Serving {
  readonly host: string;
  readonly scheme: string;
  readonly requests: readonly SeenRequest[];
}

async function serve(server: Server, { host, scheme, requests }: Serving): Promise<Upstream> {
  const open = new Set<Socket>();
  let connectionCount = 0;
  server.on('connection', (socket) => {
    connectionCount += 1;
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    origin: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    requests,
    get connectionCount() {
      return connectionCount;
    },
    get openConnections() {
      return open.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
