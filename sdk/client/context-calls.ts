/** `context()`: a context by its key, from whichever server gives it, or from memory. */
import { hash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { isName, quote } from '#lib/capability/name.ts';
import { requiredCapabilities } from '#lib/capability/required.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Method } from '#lib/grpc/channel.ts';
import { encodeParameters, type JsonObject } from '#lib/json-schema/arguments.ts';
import type { ContextRequest } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse__Output } from '#protos/generated/mcp2/ContextResponse.ts';
import type { RunningCall } from './attempts.ts';
import { type ContextAnswer, ContextCache } from './context-cache.ts';
import { type Standing, standingOf } from './held-capabilities.ts';
import { type ContextResult, toContextResult } from './results.ts';
import type { ServerCaller, TargetOptions } from './server-caller.ts';
import { callServer } from './server-calls.ts';
import { takeToken } from './token-source.ts';

export interface ContextOptions extends TargetOptions {
  /** Media type wanted. Default: the server's choice. */
  readonly accept?: string | undefined;
  /** Ask a server, whatever is kept. What it answers is kept. Default false. */
  readonly fresh?: boolean | undefined;
}

interface Wanted {
  readonly request: ContextRequest;
  readonly options: ContextOptions;
}

export class ContextCalls {
  readonly #caller: ServerCaller;
  readonly #cache: ContextCache<Asking>;
  #standing: (Standing & { readonly token: string }) | undefined;

  constructor(caller: ServerCaller) {
    this.#caller = caller;
    this.#cache = new ContextCache({
      clock: caller.parts.clock,
      ask: (asking, etag, running) => this.#ask(asking, etag, running),
    });
  }

  /** @throws CallError; TypeError for a parameter that cannot be sent */
  async read(key: string, parameters: JsonObject, options: ContextOptions): Promise<ContextResult> {
    if (!isName(key)) throw invalidName(`${quote(key)} is no context key`);
    const { accept = '', deadlineMs, signal } = options;
    const request: ContextRequest = { context_key: key, parameters: encodeParameters(parameters), accept };
    // A layer of the caller's may answer by itself: then no server did.
    let facts = { server: '', isCached: false };
    const run = async (sent: object, running: RunningCall) => {
      const { response, ...how } = await this.#read({ request: sent, options }, running);
      facts = how;
      return response;
    };
    const method = this.#caller.services.ContextTool.RequestContext as unknown as Method;
    const response = await this.#caller.send({ method, request, run, deadlineMs, signal });
    return toContextResult({ response: response as ContextResponse__Output, ...facts });
  }

  async #read({ request, options }: Wanted, running: RunningCall) {
    const token = await takeToken(this.#caller.parts.token);
    const cacheKey = this.#keyOf({ request, options }, token);
    return this.#cache.read({ asking: { request, options, token }, cacheKey, fresh: options.fresh ?? false }, running);
  }

  /** The token is the one that the answer is kept under, also when the source has another one by then. */
  async #ask({ request, options, token }: Asking, etag: string, running: RunningCall): Promise<ContextAnswer> {
    const { context_key: key = '' } = request;
    const method = this.#caller.services.ContextTool.RequestContext as unknown as Method;
    const pattern = { text: key, atoms: key.split(':'), hasRest: false };
    const capability = requiredCapabilities('ContextTool.RequestContext', pattern, '').map(({ text }) => text);
    const { answer, endpoint } = await callServer(
      {
        ...{ method, token, idempotent: true },
        request: etag === '' ? request : { ...request, if_none_match: etag },
        find: (again) => this.#caller.find({ ...options, capability }, running, again),
      },
      running,
      this.#caller.parts,
    );
    return { response: answer as ContextResponse__Output, server: endpoint.server_name };
  }

  /** @returns undefined where nothing may be kept */
  #keyOf({ request, options }: Wanted, token: string): string | undefined {
    if (request.request_state || Object.keys(request.input_responses ?? {}).length > 0) return undefined;
    if (this.#standing?.token !== token) this.#standing = { ...standingOf(token), token };
    const { text, endsAtMs } = this.#standing;
    if (this.#caller.parts.clock.nowMs() >= endsAtMs) return undefined;
    const parameters = Object.entries(request.parameters ?? {}).map(([name, bytes]) => [
      name,
      Buffer.from(bytes as Uint8Array).toString('latin1'),
    ]);
    const { server = '', endpoints = [] } = options;
    const where = [server, ...endpoints.map(({ grpc_url }) => grpc_url).sort()];
    const what = [request.context_key, request.accept, parameters.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))];
    return hash('sha256', JSON.stringify([text, where, what]), 'base64url');
  }
}

interface Asking extends Wanted {
  readonly token: string;
}

function invalidName(message: string): CallError {
  return new CallError(message, { code: status.INVALID_ARGUMENT, reason: 'NAME_INVALID', reachedServer: false });
}
