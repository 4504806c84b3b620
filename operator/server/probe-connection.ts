/**
 * The connection of one handshake: to a checked address, over HTTP/2, gone with the handshake.
 *
 * Not a channel of grpc-js, which cannot let go of a connection that is still being made: an endpoint that accepts
 * connections and then says nothing would cost the operator one socket for ever at every probe. And the endpoint may be
 * hostile, so everything that it sends has a bound here.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type SecureContext, TLSSocket } from 'node:tls';
import { Metadata, status } from '@grpc/grpc-js';
import { MAX_CARD_BYTES } from '#lib/card/service-card.ts';
import type { Reason } from '#lib/errors.ts';
import { reasonOf, STATUS_DETAILS_KEY } from '#lib/grpc/status.ts';

export interface ConnectionTarget {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  /** Undefined = plaintext. */
  readonly tls: TlsTarget | undefined;
}

export interface TlsTarget {
  /** What the certificate must name. */
  readonly serverName: string;
  /** Who must have signed it, and what we show. */
  readonly secureContext: SecureContext;
}

export interface ProbeConnection extends Disposable {
  /** One unary call. @throws NotGrpcError when the connection breaks or what comes is no gRPC. */
  call(path: string, message: Buffer): Promise<CallOutcome>;
}

export interface CallOutcome {
  readonly code: status;
  /** For OK. */
  readonly message: Buffer | undefined;
  /** What a server of ours said of a failure. */
  readonly reason: Reason | undefined;
}

/** The connection stands, but nobody on the other side speaks gRPC. */
export class NotGrpcError extends Error {
  constructor(cause?: unknown) {
    super('the endpoint does not speak gRPC', { cause });
    this.name = 'NotGrpcError';
  }
}

/** The card, and room for the message around it. */
const MAX_ANSWER_BYTES = MAX_CARD_BYTES + 16 * 1024;
const MAX_HEADERS = 64;
const MAX_SESSION_MEGABYTES = 2;
const FRAME_HEAD_BYTES = 5;

/** @throws NotGrpcError; Node's error of a connection or of TLS; the signal's reason, also from `call` */
export async function openProbeConnection(target: ConnectionTarget, signal: AbortSignal): Promise<ProbeConnection> {
  signal.throwIfAborted();
  const socket = await openSocket(target, signal);
  const session = connectHttp2('http://endpoint', {
    createConnection: () => socket,
    settings: { enablePush: false },
    maxHeaderListPairs: MAX_HEADERS,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
  });
  session.on('error', ignore);
  // In TLS 1.3 a server says what it thinks of our certificate only now (RFC 8446 Section 4.4.2.4).
  let broken: unknown;
  socket.once('error', (error) => {
    broken = error;
  });
  const cut = () => {
    session.destroy();
    socket.destroy();
  };
  signal.addEventListener('abort', cut, { once: true });
  const authority = target.tls?.serverName ?? `${target.host}:${target.port}`;
  return {
    async call(path, message) {
      const outcome = await callOnce(session, { path, authority, message }).catch((cause: unknown) => {
        signal.throwIfAborted();
        if (broken === undefined && cause instanceof NotGrpcError) throw cause;
        throw new NotGrpcError(broken ?? cause);
      });
      signal.throwIfAborted();
      return outcome;
    },
    [Symbol.dispose]() {
      signal.removeEventListener('abort', cut);
      cut();
    },
  };
}

async function openSocket({ host, port, tls }: ConnectionTarget, signal: AbortSignal): Promise<Socket> {
  const socket = tls === undefined ? connectTcp({ host, port }) : openTls({ host, port }, tls);
  socket.on('error', ignore); // Also those that come after we stopped waiting.
  try {
    await once(socket, tls === undefined ? 'connect' : 'secureConnect', { signal });
    // RFC 9113 Section 3.2; clients of grpc-go and grpc-core insist on it too.
    if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2') throw new NotGrpcError();
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw error;
  }
}

function openTls(address: { readonly host: string; readonly port: number }, tls: TlsTarget): TLSSocket {
  const { serverName, secureContext } = tls;
  return connectTls({
    ...address,
    secureContext,
    // RFC 6066 Section 3: an IP address is no server name.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
    ALPNProtocols: ['h2'],
  });
}

interface Call {
  readonly path: string;
  readonly authority: string;
  readonly message: Buffer;
}

function callOnce(session: ClientHttp2Session, { path, authority, message }: Call): Promise<CallOutcome> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      ':authority': authority,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'mcp2-operator',
    });
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    let bytes = 0;
    const read = (more: IncomingHttpHeaders) => {
      headers = { ...headers, ...more };
    };
    stream.on('response', read).on('trailers', read).on('error', ignore);
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) stream.close(constants.NGHTTP2_CANCEL);
      else chunks.push(chunk);
    });
    stream.once('close', () => {
      if (bytes > MAX_ANSWER_BYTES) resolve({ code: status.RESOURCE_EXHAUSTED, message: undefined, reason: undefined });
      else if (headers[':status'] === undefined) reject(new NotGrpcError());
      else resolve(outcomeOf(headers, Buffer.concat(chunks)));
    });
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
  });
}

function outcomeOf(headers: IncomingHttpHeaders, body: Buffer): CallOutcome {
  const code = codeOf(headers);
  if (code === status.OK) return { code, message: readFrame(body), reason: undefined };
  const metadata = new Metadata();
  const details = headers[STATUS_DETAILS_KEY];
  if (typeof details === 'string') metadata.set(STATUS_DETAILS_KEY, Buffer.from(details, 'base64'));
  return { code, message: undefined, reason: reasonOf({ code, metadata }) };
}

/** Without a gRPC status a proxy has answered: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
function codeOf(headers: IncomingHttpHeaders): status {
  const said = Number(headers['grpc-status'] ?? Number.NaN);
  if (Number.isInteger(said)) return status[said] === undefined ? status.UNKNOWN : said;
  switch (Number(headers[':status'])) {
    case 401:
      return status.UNAUTHENTICATED;
    case 403:
      return status.PERMISSION_DENIED;
    case 404:
      return status.UNIMPLEMENTED;
    default:
      return status.UNKNOWN;
  }
}

/** @throws NotGrpcError unless it is one message, uncompressed: we offered no compression. */
function readFrame(body: Buffer): Buffer {
  if (body.length < FRAME_HEAD_BYTES || body.readUInt8(0) !== 0) throw new NotGrpcError();
  if (body.readUInt32BE(1) !== body.length - FRAME_HEAD_BYTES) throw new NotGrpcError();
  return body.subarray(FRAME_HEAD_BYTES);
}

function ignore(): void {}
