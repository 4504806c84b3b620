/**
 * One connection to one origin, for one request at a time: what was sent and what came back is then known exactly, which
 * decides whether a request may be sent again.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { AddressRefused, type Connect, isLoopbackAddress } from './connector.ts';
import { HttpFailure, type HttpFailureKind } from './failure.ts';

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Of a body as it comes over the wire; more is a failure "too-large". */
  readonly maxWireBytes: number;
}

export interface WireResponse {
  /** 200 to 599. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came, perhaps compressed; empty unless the status is 2xx. */
  readonly body: Buffer;
}

/** Of an answer that is not 2xx: read so that the connection can be kept, and thrown away. */
const MAX_IGNORED_BYTES = 65_536;
const MAX_INFORMATIONAL = 16;
/**
 * A connection that idles longer is closed by us, before most servers close it (nginx 75 s, Apache and Node 5 s with a
 * hint, which undici heeds), so that hardly ever a request meets a closing one.
 */
const IDLE_MS = 4_000;

export class Connection {
  readonly createdMs: number;
  readonly #client: Client;
  readonly #gone = new AbortController();
  #socket: Socket | undefined;
  #reachedLoopback = false;
  #isReusable = true;

  /** @param nowMs Monotonic. */
  constructor(origin: string, connect: Connect, nowMs: number) {
    this.createdMs = nowMs;
    this.#client = new Client(origin, {
      allowH2: false,
      bodyTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      pipelining: 1,
      connect: (options, callback) =>
        connect(options, this.#gone.signal, (...result) => {
          const [error, socket] = result;
          if (error === null) {
            this.#socket = socket;
            this.#reachedLoopback = isLoopbackAddress(socket.remoteAddress);
          }
          callback(...result);
        }),
    });
  }

  /** False after anything but a whole answer. */
  get isReusable(): boolean {
    return this.#isReusable;
  }

  /** Whether the last request was sent to this machine; false before. */
  get reachedLoopback(): boolean {
    return this.#reachedLoopback;
  }

  destroy(): void {
    this.#isReusable = false;
    this.#gone.abort(new Error('the connection is not needed any more'));
    this.#client.destroy(new Error('the connection is not needed any more'), () => undefined);
  }

  /**
   * Sends one request; never twice. After a failure, and after an abort, the connection is of no use any more.
   *
   * @throws HttpFailure unreachable, refused, broken, too-large, or cancelled with the signal's reason as cause
   */
  request(request: WireRequest, signal: AbortSignal): Promise<WireResponse> {
    return new Promise((resolve, reject) => {
      const exchange = new Exchange({ request, socket: () => this.#socket, resolve, reject });
      const abort = () => {
        this.#isReusable = false;
        exchange.fail('cancelled', signal.reason);
        this.destroy();
      };
      exchange.onEnd = (isWhole) => {
        signal.removeEventListener('abort', abort);
        this.#isReusable &&= isWhole;
      };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      const { method, target: path, headers, body } = request;
      this.#client.dispatch({ method, path, headers, body: body ?? null }, exchange);
    });
  }
}

interface ExchangeOptions {
  readonly request: WireRequest;
  readonly socket: () => Socket | undefined;
  readonly resolve: (response: WireResponse) => void;
  readonly reject: (failure: HttpFailure) => void;
}

class Exchange implements Dispatcher.DispatchHandler {
  onEnd: (isWhole: boolean) => void = () => undefined;
  readonly #options: ExchangeOptions;
  readonly #chunks: Buffer[] = [];
  #socket: Socket | undefined;
  #bytesReadBefore = 0;
  #informational = 0;
  #bytes = 0;
  #head: { readonly status: number; readonly headers: IncomingHttpHeaders } | undefined;
  #ended = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // A library that sent it again by itself would double what it does.
    if (this.#socket !== undefined) {
      controller.abort(new Error('the request would be sent twice'));
      return;
    }
    this.#socket = this.#options.socket();
    this.#bytesReadBefore = this.#socket?.bytesRead ?? 0;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) {
      this.#informational += 1;
      if (this.#informational > MAX_INFORMATIONAL) controller.abort(new Error('too many informational answers'));
      return;
    }
    this.#head = { status, headers };
    const { method, maxWireBytes } = this.#options.request;
    const length = Number(headers['content-length'] ?? 0);
    if (isSuccess(status) && method !== 'HEAD' && length > maxWireBytes) this.#refuse(controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    const isWanted = isSuccess(this.#head?.status ?? 0);
    if (this.#bytes > (isWanted ? this.#options.request.maxWireBytes : MAX_IGNORED_BYTES)) this.#refuse(controller);
    else if (isWanted) this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#finish(true);
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#socket !== undefined) this.fail('broken', error);
    else this.fail(error instanceof AddressRefused ? 'refused' : 'unreachable', error);
  }

  /** The first end counts. Of an answer that is not 2xx the status is all that is wanted, so that it is no failure. */
  fail(kind: HttpFailureKind, cause: unknown): void {
    if (this.#ended) return;
    if (this.#head !== undefined && !isSuccess(this.#head.status)) {
      this.#finish(false);
      return;
    }
    this.#ended = true;
    this.onEnd(false);
    const answered = (this.#socket?.bytesRead ?? 0) > this.#bytesReadBefore;
    this.#options.reject(new HttpFailure(kind, { sent: this.#socket !== undefined, answered, cause }));
  }

  #refuse(controller: Dispatcher.DispatchController): void {
    this.fail('too-large', undefined);
    controller.abort(new Error('the answer is too large'));
  }

  #finish(isWhole: boolean): void {
    if (this.#ended || this.#head === undefined) return;
    this.#ended = true;
    this.onEnd(isWhole);
    this.#options.resolve({ ...this.#head, body: Buffer.concat(this.#chunks) });
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
