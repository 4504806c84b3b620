/**
 * One request on its way through the fault proxy, and what its fault does to it.
 */

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, type Dispatcher, request as forward } from 'undici';
import { type ActiveFault, type Fault, shortenedList, statusObject } from './faults.ts';
import type { KubeRequest } from './kube-request.ts';

export interface Client {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
}

export interface Target {
  readonly url: string;
  readonly agent: Agent;
}

/** Of one connection only (RFC 9110 Section 7.6.1), or made anew by each side. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'content-length',
]);

export class Exchange {
  readonly request: KubeRequest;
  readonly fault: ActiveFault | undefined;
  readonly atMs = performance.now();
  /** What the client was told; undefined before. */
  status: number | undefined;
  readonly #client: Client;
  readonly #ended = new AbortController();
  #frozen = Promise.resolve();
  #thaw: () => void = () => {};

  constructor(client: Client, { request, fault }: { request: KubeRequest; fault: ActiveFault | undefined }) {
    this.#client = client;
    this.request = request;
    this.fault = fault;
    client.request.on('error', () => this.#ended.abort());
    client.response.on('error', () => this.#ended.abort());
    client.response.on('close', () => this.#ended.abort());
    this.#ended.signal.addEventListener('abort', () => this.thaw());
  }

  /** Serves the request to its end. Never rejects. */
  async run(target: Target): Promise<void> {
    try {
      await this.#serve(target, this.fault?.fault);
    } catch {
      // The API server is away, or either side has left: the client sees its connection break.
      this.cut();
    }
  }

  /** Breaks the client's connection; over HTTP/2 only this stream of it. */
  cut(): void {
    const { response } = this.#client;
    if ('stream' in response) response.stream?.close(2 /* INTERNAL_ERROR, RFC 9113 Section 7 */);
    else response.socket?.destroy();
    this.#ended.abort();
  }

  /** Between the pieces that the API server sends. A client that has left gets nothing. */
  send(text: string): void {
    this.#write(text).catch(() => {});
  }

  freeze(): void {
    this.#frozen = new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.#thaw();
  }

  async #serve(target: Target, fault: Fault | undefined): Promise<void> {
    switch (fault?.kind) {
      case 'cut':
        return this.cut();
      case 'hang':
        return this.#hang();
      case 'status':
        return this.#refuse(fault.code, fault.retryAfterSeconds);
      case 'error-event':
        return this.#answerWithErrorEvent(fault);
      case 'delay':
        await sleep(fault.delayMs, undefined, { signal: this.#ended.signal });
        return this.#stream(await this.#forward(target));
      case 'lose-reply':
        await (await this.#forward(target)).body.dump();
        return this.cut();
      case 'empty-list':
        return this.#edit(target, (text) => shortenedList(text, 0));
      case 'partial-list':
        return this.#edit(target, (text) => shortenedList(text, fault.keepItems));
      case 'truncate-body':
        return this.#truncate(target);
      case 'truncate-line':
      case 'insert-line':
        return this.#streamLines(await this.#forward(target), fault);
      case undefined:
        return this.#stream(await this.#forward(target));
    }
  }

  async #forward({ url, agent }: Target): Promise<Dispatcher.ResponseData> {
    const { request } = this.#client;
    const body = await buffer(request);
    return forward(`${url}${request.url}`, {
      method: (request.method ?? 'GET') as Dispatcher.HttpMethod,
      headers: this.#forwardedHeaders(),
      body: body.length === 0 ? null : body,
      dispatcher: agent,
      signal: this.#ended.signal,
    });
  }

  #forwardedHeaders(): Record<string, string | string[]> {
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(this.#client.request.headers)) {
      // A fault that edits an answer must be able to read it.
      const compressed = name === 'accept-encoding' && this.fault !== undefined;
      if (value === undefined || name.startsWith(':') || NOT_FORWARDED.has(name) || compressed) continue;
      headers[name] = value;
    }
    return headers;
  }

  async #hang(): Promise<void> {
    const ended = this.#ended.signal;
    const cleared = this.fault?.cleared ?? ended;
    if (!cleared.aborted && !ended.aborted) await Promise.race([once(cleared, 'abort'), once(ended, 'abort')]);
    this.cut();
  }

  #refuse(code: number, retryAfterSeconds?: number): void {
    const retryAfter = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
    this.#begin(code, { 'content-type': 'application/json', ...retryAfter });
    this.#client.response.end(JSON.stringify(statusObject(code, retryAfterSeconds)));
  }

  async #answerWithErrorEvent({ code, close = false }: Extract<Fault, { kind: 'error-event' }>): Promise<void> {
    this.#begin(200, { 'content-type': 'application/json' });
    await this.#write(`${JSON.stringify({ type: 'ERROR', object: statusObject(code) })}\n`);
    if (close) this.#client.response.end();
    else if (!this.#ended.signal.aborted) await once(this.#ended.signal, 'abort');
  }

  async #stream(answer: Dispatcher.ResponseData): Promise<void> {
    this.#begin(answer.statusCode, answer.headers);
    for await (const piece of answer.body) await this.#write(piece as Buffer);
    this.#client.response.end();
  }

  async #streamLines(answer: Dispatcher.ResponseData, fault: Extract<Fault, { afterLines: number }>): Promise<void> {
    this.#begin(answer.statusCode, answer.headers);
    let count = 0;
    let rest = '';
    const insert = async () => {
      if (count === fault.afterLines && fault.kind === 'insert-line') await this.#write(`${fault.line}\n`);
    };
    await insert();
    for await (const piece of answer.body.setEncoding('utf8')) {
      const lines = `${rest}${piece}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (count === fault.afterLines && fault.kind === 'truncate-line') {
          return this.#writeAndCut(line.slice(0, Math.ceil(line.length / 2)));
        }
        await this.#write(`${line}\n`);
        count += 1;
        await insert();
      }
    }
    this.#client.response.end(rest);
  }

  async #edit(target: Target, edit: (text: string) => string): Promise<void> {
    const answer = await this.#forward(target);
    const text = await answer.body.text();
    this.#begin(answer.statusCode, answer.headers);
    this.#client.response.end(answer.statusCode === 200 ? edit(text) : text);
  }

  async #truncate(target: Target): Promise<void> {
    const answer = await this.#forward(target);
    const body = Buffer.from(await answer.body.arrayBuffer());
    this.#begin(answer.statusCode, answer.headers);
    await this.#writeAndCut(body.subarray(0, Math.ceil(body.length / 2)));
  }

  /** The client gets these bytes for certain: they have left before the connection breaks. */
  async #writeAndCut(piece: string | Buffer): Promise<void> {
    await this.#frozen;
    await new Promise((resolve) => (this.#client.response as ServerResponse).write(piece, resolve));
    this.cut();
  }

  #begin(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    const { response } = this.#client;
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined && !NOT_FORWARDED.has(name)) response.setHeader(name, value);
    }
    response.statusCode = status;
    this.status = status;
    if ('flushHeaders' in response) response.flushHeaders();
  }

  /** Waits while the stream is frozen, and until the client has room. */
  async #write(piece: string | Buffer): Promise<void> {
    await this.#frozen;
    const { response } = this.#client;
    if (this.#ended.signal.aborted) throw new Error('the client has left');
    // Typed apart in the two protocols; both write strings and buffers.
    const room = (response as ServerResponse).write(piece);
    if (!room) await once(response, 'drain', { signal: this.#ended.signal });
  }
}
