/** A context that is read over HTTP. Reading promises to change nothing, so an unclear end is "unavailable", whatever the method. */
import { ServiceError } from '#lib/errors.ts';
import type { ContextAnswer, ContextDeclaration } from '#sdk/server/declaration.ts';
import type { HttpConfig } from '../config/runtime-config.ts';
import type { HttpClient } from './client.ts';
import { HttpFailure } from './failure.ts';
import type { ReadSecret } from './header-template.ts';
import type { HttpRequest, HttpResponse } from './http-request.ts';
import type { KeptAnswers } from './kept-answers.ts';
import { createRequestBuilder } from './request-template.ts';
import { parseRetryAfter } from './retry-after.ts';
import { errorOfFailure, errorOfStatus } from './service-error.ts';

export interface ContextSourceDependencies {
  readonly client: HttpClient;
  readonly readSecret: ReadSecret;
  /** Of all contexts of the runtime together. */
  readonly kept: KeptAnswers;
}

/** What a caller waits after a 429 that does not say how long. */
const DEFAULT_RETRY_MS = 1_000;
const MAX_CONTENT_TYPE_CHARACTERS = 255;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** The configuration was read without problems (`readHttp`). */
export function createHttpContext(
  config: HttpConfig,
  { client, readSecret, kept }: ContextSourceDependencies,
): ContextDeclaration['read'] {
  const build = createRequestBuilder(config, readSecret, false);
  return async ({ segments, parameters }, call) => {
    const request = await build({ ...parameters, ...segments });
    const held = request.method === 'GET' ? kept.find(request) : undefined;
    try {
      const response = await client.send({ ...request, ifNoneMatch: held?.etag }, call);
      if (held !== undefined && response.status === 304 && response.isDirect) {
        client.metrics?.revalidated();
        return { content: held.body, contentType: contentTypeOf(held.contentType) };
      }
      if (request.method === 'GET') kept.keep(request, response);
      return answerOf(response, request, client.clock.nowMs());
    } catch (error) {
      throw error instanceof HttpFailure ? errorOfFailure(error, { request, mayChange: false }) : error;
    }
  };
}

/** As the upstream states it, parameters and all; "" for what is no media type in one line. */
export function contentTypeOf(header: string | undefined): string {
  const text = header ?? '';
  return text.length <= MAX_CONTENT_TYPE_CHARACTERS && PRINTABLE.test(text) ? text.trim() : '';
}

function answerOf(response: HttpResponse, request: HttpRequest, nowMs: number): ContextAnswer {
  const { status, body, header } = response;
  if (status < 300) return { content: body, contentType: contentTypeOf(header('content-type')) };
  if (status === 404) throw new ServiceError('CONTEXT_UNKNOWN', 'the upstream knows nothing under this key (404)');
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(header('retry-after'), nowMs) ?? DEFAULT_RETRY_MS;
    const message = `the upstream takes no more calls for now (429); wait at least ${Math.ceil(retryAfterMs / 1_000)} s`;
    throw new ServiceError('RATE_LIMITED', message, { retryAfterMs, metadata: { http_status: '429' } });
  }
  throw errorOfStatus(response, request, nowMs);
}
