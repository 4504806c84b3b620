/**
 * A tool that is a request to an upstream.
 *
 * 4xx means that it ran and failed: the caller is told the status, and nothing of the body, which is the upstream's word to
 * us, with our credentials in hand. A run whose end nobody knows is OUTCOME_UNKNOWN unless a second one does no harm.
 */
import { STATUS_CODES } from 'node:http';
import type { ToolAnnotations, ToolAnswer, ToolDeclaration } from '#sdk/server/declaration.ts';
import type { HttpConfig } from '../config/runtime-config.ts';
import type { HttpClient } from './client.ts';
import { HttpFailure } from './failure.ts';
import type { ReadSecret } from './header-template.ts';
import type { HttpRequest, HttpResponse } from './http-request.ts';
import { createRequestBuilder } from './request-template.ts';
import { errorOfFailure, errorOfStatus } from './service-error.ts';
import { toolOutput } from './tool-output.ts';

export interface ToolSourceDependencies {
  readonly client: HttpClient;
  readonly readSecret: ReadSecret;
}

/** The configuration was read without problems (`readHttp`). */
export function createHttpTool(
  config: HttpConfig,
  { idempotent, readOnly }: ToolAnnotations,
  { client, readSecret }: ToolSourceDependencies,
): ToolDeclaration['run'] {
  const build = createRequestBuilder(config, readSecret, idempotent === true || readOnly === true);
  return async (args, call) => {
    const request = await build(args);
    try {
      return answerOf(await client.send(request, call), request, client.clock.nowMs());
    } catch (error) {
      throw error instanceof HttpFailure ? errorOfFailure(error, { request, mayChange: !request.isRepeatable }) : error;
    }
  };
}

function answerOf(response: HttpResponse, request: HttpRequest, nowMs: number): ToolAnswer {
  const { status, body, header } = response;
  if (status < 300) return toolOutput(body, header('content-type'));
  if (status < 400 || status >= 500) throw errorOfStatus(response, request, nowMs);
  const name = STATUS_CODES[status];
  const message = `the upstream answered ${status}${name === undefined ? '' : ` (${name})`}`;
  return { success: false, errorCode: `HTTP_${status}`, message };
}
