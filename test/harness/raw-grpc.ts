/**
 * gRPC calls byte by byte, for what no client library would send: broken frames, odd headers, bodies that never end.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';

export interface RawCall {
  /** "/mcp2.Discovery/Lookup". */
  readonly path: string;
  /** Over the usual ones. */
  readonly headers?: OutgoingHttpHeaders;
  /** What is sent; undefined = nothing, and the stream stays open. */
  readonly body?: Buffer;
}

export interface RawAnswer {
  /** gRPC's status; undefined when the stream was reset. */
  readonly code: number | undefined;
  readonly message: string;
}

export interface RawConnection extends Disposable {
  readonly session: ClientHttp2Session;
  /** Opens a call without waiting for anything. */
  open(call: RawCall): ClientHttp2Stream;
  call(call: RawCall): Promise<RawAnswer>;
}

/** One message as it travels: flag, length, bytes. */
export function frame(message: Buffer, { compressed = false } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A field of a message that is bytes, a text or a message itself. At most 16,383 bytes, number at most 15. */
export function field(number: number, bytes: Buffer): Buffer {
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** @param target host:port, plaintext. */
export function connectRaw(target: string): RawConnection {
  const session = connect(`http://${target}`);
  session.on('error', () => undefined); // Tests look at what became of their calls.
  const open = ({ path, headers = {}, body }: RawCall) => {
    const usual = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ...usual, ...headers });
    stream.on('error', () => undefined);
    if (body !== undefined) stream.end(body);
    return stream;
  };
  return { session, open, call: (call) => answerOf(open(call)), [Symbol.dispose]: () => session.destroy() };
}

async function answerOf(stream: ClientHttp2Stream): Promise<RawAnswer> {
  let code: number | undefined;
  let message = '';
  const read = (headers: OutgoingHttpHeaders) => {
    if (headers['grpc-status'] === undefined) return;
    code = Number(headers['grpc-status']);
    message = decodeURIComponent(String(headers['grpc-message'] ?? ''));
  };
  stream.on('response', read).on('trailers', read).resume();
  await once(stream, 'close');
  return { code, message };
}
