/**
 * An HTTP/2 client of frames alone, for loads that a client library would not keep up with, and for readers that behave
 * badly on purpose: one that takes no more of a stream, or of its connection, or breaks it in the middle of a frame.
 *
 * It decodes no headers: that a call was refused shows as its end. Who wants to know why uses node:http2 (`raw-grpc.ts`).
 */
import { connect, type Socket } from 'node:net';

export interface FrameConnectionOptions {
  /** host:port, plaintext. */
  readonly target: string;
  /** What the server may send of one stream before it is told that there is room again. Default 1 MiB. */
  readonly windowBytes?: number;
}

export interface FrameStreamEvents {
  /** Bytes of DATA; valid during the call. */
  readonly onData: (bytes: Buffer) => void;
  /** Trailers came, or a reset, or the connection ended. */
  readonly onEnd?: (how: StreamEnd) => void;
  /** There is room to send again after `send` said no. */
  readonly onRoom?: () => void;
}

export type StreamEnd = 'trailers' | 'reset' | 'closed';

export interface FrameStream {
  /** One DATA frame. @returns whether it was sent; nothing of it was when the window has no room. */
  send(bytes: Buffer): boolean;
  /** The same, and nothing will follow. */
  end(bytes: Buffer): boolean;
  /** No more window for this stream; what is in it already still comes. */
  hold(): void;
  release(): void;
  /** RST_STREAM, CANCEL. */
  cancel(): void;
}

const MIB = 1024 * 1024;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HEAD_BYTES = 9;
/** RFC 9113 Section 4.2: what every peer takes. */
const MAX_FRAME_BYTES = 16_384;
const DEFAULT_WINDOW = 65_535;
const MAX_WINDOW = 0x7fff_ffff;

/** RFC 9113 Section 6. */
const FrameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const ACK = 0x1;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const ENABLE_PUSH = 2;
const INITIAL_WINDOW_SIZE = 4;
const CANCEL = 8;

interface OpenStream extends FrameStreamEvents {
  readonly id: number;
  sendWindow: number;
  /** Received since the last update. */
  taken: number;
  held: boolean;
  waits: boolean;
}

export class FrameConnection implements Disposable {
  readonly #socket: Socket;
  readonly #windowBytes: number;
  readonly #streams = new Map<number, OpenStream>();
  readonly #authority: string;
  #nextId = 1;
  #sendWindow = DEFAULT_WINDOW;
  #theirInitialWindow = DEFAULT_WINDOW;
  #taken = 0;
  /** Of the frame that is being read: what is missing of its head or, for anything but DATA, of its payload. */
  #partial = Buffer.alloc(0);
  /** Of a DATA frame whose head was read. */
  #dataLeft = 0;
  #dataStream: OpenStream | undefined;
  #dataEnds = false;

  constructor({ target, windowBytes = MIB }: FrameConnectionOptions) {
    const colon = target.lastIndexOf(':');
    this.#authority = target;
    this.#windowBytes = windowBytes;
    this.#socket = connect(Number(target.slice(colon + 1)), target.slice(0, colon));
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#endAll());
    this.#socket.write(PREFACE, 'latin1');
    const settings = Buffer.alloc(12);
    settings.writeUInt16BE(ENABLE_PUSH, 0);
    settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 6);
    settings.writeUInt32BE(windowBytes, 8);
    this.#write(FrameType.settings, 0, 0, settings);
    this.#grow(0, MAX_WINDOW - DEFAULT_WINDOW);
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Opens a gRPC call. */
  open(path: string, events: FrameStreamEvents): FrameStream {
    const stream: OpenStream = {
      ...events,
      id: this.#nextId,
      sendWindow: this.#theirInitialWindow,
      taken: 0,
      held: false,
      waits: false,
    };
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#write(FrameType.headers, END_HEADERS, stream.id, grpcHeaders(this.#authority, path));
    return {
      send: (bytes) => this.#send(stream, bytes, 0),
      end: (bytes) => this.#send(stream, bytes, END_STREAM),
      hold: () => {
        stream.held = true;
      },
      release: () => this.#release(stream),
      cancel: () => {
        const code = Buffer.alloc(4);
        code.writeUInt32BE(CANCEL);
        this.#write(FrameType.reset, 0, stream.id, code);
        this.#streams.delete(stream.id);
      },
    };
  }

  /** Takes nothing off the connection, so that the server's socket fills. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** TCP RST, wherever the server is in what it sends. */
  breakOff(): void {
    this.#socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #send(stream: OpenStream, bytes: Buffer, flags: number): boolean {
    if (bytes.length > MAX_FRAME_BYTES) throw new Error(`a frame has at most ${MAX_FRAME_BYTES} bytes`);
    if (bytes.length > Math.min(this.#sendWindow, stream.sendWindow)) {
      stream.waits = true;
      return false;
    }
    this.#sendWindow -= bytes.length;
    stream.sendWindow -= bytes.length;
    this.#write(FrameType.data, flags, stream.id, bytes);
    return true;
  }

  #release(stream: OpenStream): void {
    stream.held = false;
    if (stream.taken === 0) return;
    this.#grow(stream.id, stream.taken);
    stream.taken = 0;
  }

  #write(type: number, flags: number, stream: number, payload: Buffer): void {
    const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
    frame.writeUIntBE(payload.length, 0, 3);
    frame[3] = type;
    frame[4] = flags;
    frame.writeUInt32BE(stream, 5);
    payload.copy(frame, HEAD_BYTES);
    this.#socket.write(frame);
  }

  #grow(stream: number, bytes: number): void {
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(bytes);
    this.#write(FrameType.windowUpdate, 0, stream, increment);
  }

  #read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      at += this.#dataLeft > 0 ? this.#readData(bytes, at) : this.#readHead(bytes, at);
    }
  }

  #readData(bytes: Buffer, at: number): number {
    const part = bytes.subarray(at, at + this.#dataLeft);
    this.#dataLeft -= part.length;
    const stream = this.#dataStream;
    stream?.onData(part);
    this.#took(stream, part.length);
    if (this.#dataLeft === 0 && this.#dataEnds) this.#end(stream, 'trailers');
    return part.length;
  }

  /** The head of a frame, and the payload of what is no DATA. @returns the bytes that it used */
  #readHead(bytes: Buffer, at: number): number {
    const before = this.#partial.length;
    const known = before === 0 ? bytes.subarray(at) : Buffer.concat([this.#partial, bytes.subarray(at)]);
    const length = known.length < HEAD_BYTES ? 0 : known.readUIntBE(0, 3);
    const isData = known[3] === FrameType.data;
    const needed = HEAD_BYTES + (isData ? 0 : length);
    if (known.length < needed) {
      this.#partial = Buffer.from(known);
      return bytes.length - at;
    }
    this.#partial = Buffer.alloc(0);
    const flags = known[4] as number;
    const stream = this.#streams.get(known.readUInt32BE(5));
    if (isData) {
      if (flags & PADDED) throw new Error('padding is not understood here');
      this.#dataLeft = length;
      this.#dataStream = stream;
      this.#dataEnds = (flags & END_STREAM) !== 0;
      if (length === 0 && this.#dataEnds) this.#end(stream, 'trailers');
    } else {
      this.#control(known[3] as number, flags, stream, known.subarray(HEAD_BYTES, needed));
    }
    return needed - before;
  }

  #control(type: number, flags: number, stream: OpenStream | undefined, payload: Buffer): void {
    switch (type) {
      case FrameType.settings:
        if (!(flags & ACK)) this.#apply(payload);
        break;
      case FrameType.ping:
        if (!(flags & ACK)) this.#write(FrameType.ping, ACK, 0, payload);
        break;
      case FrameType.windowUpdate:
        if (stream === undefined) this.#sendWindow += payload.readUInt32BE(0);
        else stream.sendWindow += payload.readUInt32BE(0);
        this.#tellOfRoom();
        break;
      case FrameType.headers:
        if (flags & END_STREAM) this.#end(stream, 'trailers');
        break;
      case FrameType.reset:
        this.#end(stream, 'reset');
        break;
    }
  }

  /** RFC 9113 Section 6.9.2: a new initial window also moves those of open streams. */
  #apply(settings: Buffer): void {
    for (let at = 0; at + 6 <= settings.length; at += 6) {
      if (settings.readUInt16BE(at) !== INITIAL_WINDOW_SIZE) continue;
      const initial = settings.readUInt32BE(at + 2);
      for (const stream of this.#streams.values()) stream.sendWindow += initial - this.#theirInitialWindow;
      this.#theirInitialWindow = initial;
    }
    this.#write(FrameType.settings, ACK, 0, Buffer.alloc(0));
    this.#tellOfRoom();
  }

  #tellOfRoom(): void {
    for (const stream of this.#streams.values()) {
      if (!stream.waits || stream.sendWindow <= 0 || this.#sendWindow <= 0) continue;
      stream.waits = false;
      stream.onRoom?.();
    }
  }

  #took(stream: OpenStream | undefined, bytes: number): void {
    this.#taken += bytes;
    if (this.#taken > MAX_WINDOW / 2) {
      this.#grow(0, this.#taken);
      this.#taken = 0;
    }
    if (stream === undefined) return;
    stream.taken += bytes;
    if (stream.held || stream.taken < this.#windowBytes / 2) return;
    this.#grow(stream.id, stream.taken);
    stream.taken = 0;
  }

  #end(stream: OpenStream | undefined, how: StreamEnd): void {
    if (stream === undefined || !this.#streams.delete(stream.id)) return;
    stream.onEnd?.(how);
  }

  #endAll(): void {
    for (const stream of [...this.#streams.values()]) this.#end(stream, 'closed');
  }
}

/** RFC 7541 Section 6.2.2: every field a literal that is not remembered, so that nothing has to be kept in step. */
function grpcHeaders(authority: string, path: string): Buffer {
  const fields = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', authority],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ];
  return Buffer.concat(fields.flatMap(([name = '', value = '']) => [Buffer.from([0]), literal(name), literal(value)]));
}

/** At most 126 characters, whose length is one byte (RFC 7541 Section 5.2). */
function literal(text: string): Buffer {
  if (text.length > 126) throw new Error('this header is too long');
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
}
