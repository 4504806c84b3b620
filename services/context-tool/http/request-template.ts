/** From an `http` of the configuration and the values of one call to the request that is sent. */
import type { HttpConfig } from '../config/runtime-config.ts';
import { parseBody } from './body-template.ts';
import { parseHeaders, type ReadSecret } from './header-template.ts';
import type { HttpRequest } from './http-request.ts';
import type { Values } from './placeholder.ts';
import { parseUrlTemplate } from './url-template.ts';

/** @throws ServiceError ARGUMENT_INVALID; BACKEND_UNAVAILABLE or BACKEND_REFUSED when a secret cannot be used */
export type BuildRequest = (values: Values) => Promise<HttpRequest>;

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD'];

/** @param isIdempotent A second run does no harm, also where the method is not safe. */
export function createRequestBuilder(config: HttpConfig, readSecret: ReadSecret, isIdempotent: boolean): BuildRequest {
  const { method, timeoutMs, maxBytes } = config;
  const url = parseUrlTemplate(config.url);
  const headers = parseHeaders(config.headers);
  const body = config.body && parseBody(config.body.json);
  return async (values) => {
    const filledUrl = url.fill(values);
    const text = body?.fill(values);
    const filledHeaders = await headers.fill(values, readSecret);
    const contentType = text === undefined ? {} : { 'content-type': 'application/json' };
    return {
      method,
      url: filledUrl,
      headers: { ...contentType, ...filledHeaders },
      body: text === undefined ? undefined : Buffer.from(text),
      maxBytes,
      timeoutMs,
      isRepeatable: isIdempotent || SAFE_METHODS.includes(method),
    };
  };
}
