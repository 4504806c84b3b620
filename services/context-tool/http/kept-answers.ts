/**
 * Answers of upstreams that came with an ETag: the next request says which one is held, and "not modified" saves the body.
 *
 * An answer is found by everything that was sent: URL and all headers, the secret ones too (as a hash). So one that was
 * given for one credential or one argument is never taken for another, and each use was allowed by the upstream itself.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { HttpRequest, HttpResponse } from './http-request.ts';

export interface KeptAnswer {
  readonly etag: string;
  readonly contentType: string;
  readonly body: Buffer;
}

export interface KeptAnswers {
  find(request: HttpRequest): KeptAnswer | undefined;
  /** Keeps what may be kept, and forgets what was held where it may not. */
  keep(request: HttpRequest, response: HttpResponse): void;
}

/** RFC 9110 Section 8.8.3, and short enough to be sent back. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,256}"$/;
const ENTRY_OVERHEAD_BYTES = 8_192;

/** @param maxBytes Of all answers together. Default 16 MiB. */
export function createKeptAnswers(maxBytes = 16 * 1_048_576): KeptAnswers {
  const answers = new LRUCache<string, KeptAnswer>({
    maxSize: maxBytes,
    sizeCalculation: ({ body }) => body.length + ENTRY_OVERHEAD_BYTES,
  });
  return {
    find: (request) => answers.get(keyOf(request)),
    keep(request, response) {
      const key = keyOf(request);
      const etag = response.header('etag') ?? '';
      const mayKeep = response.isDirect && response.status === 200 && ETAG.test(etag) && !forbidsKeeping(response);
      if (!mayKeep) answers.delete(key);
      else answers.set(key, { etag, contentType: response.header('content-type') ?? '', body: response.body });
    },
  };
}

function keyOf({ url, headers }: HttpRequest): string {
  const sent = JSON.stringify([url.href, Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1))]);
  return createHash('sha256').update(sent).digest('base64');
}

/** RFC 9111 Section 5.2.2.5; and an answer that varies by what nobody can know. */
function forbidsKeeping(response: HttpResponse): boolean {
  const directives = (response.header('cache-control') ?? '').toLowerCase().split(/[\s,]+/);
  return directives.includes('no-store') || (response.header('vary') ?? '').includes('*');
}
