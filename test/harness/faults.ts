/**
 * The faults that the proxy before the API server can inject, and which request gets which one.
 */

import { type KubeRequest, type KubeRequestMatch, matchesRequest } from './kube-request.ts';

export type Fault =
  /** The connection breaks before the request reaches the API server. */
  | { readonly kind: 'cut' }
  /** The API server does what was asked; the connection breaks instead of an answer. */
  | { readonly kind: 'lose-reply' }
  /** No answer, until the fault is cleared: then the connection breaks. The API server sees nothing. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** An HTTP error as the API server sends it: 410, 429 with Retry-After, 403, 500, 503, … */
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  /** A watch that answers 200 and then this ERROR event; the stream stays open unless `close` is set. */
  | { readonly kind: 'error-event'; readonly code: number; readonly close?: boolean }
  /** A watch that breaks in the middle of a line, after so many whole ones. */
  | { readonly kind: 'truncate-line'; readonly afterLines: number }
  /** A watch with this line among its events, after so many whole ones. */
  | { readonly kind: 'insert-line'; readonly line: string; readonly afterLines: number }
  /** A successful list without items, with the real resourceVersion. */
  | { readonly kind: 'empty-list' }
  /** A successful list that ends after so many items and claims to be complete. */
  | { readonly kind: 'partial-list'; readonly keepItems: number }
  /** Half of the answer's bytes, then the connection breaks. */
  | { readonly kind: 'truncate-body' };

export interface FaultRule {
  /** Default: every request. */
  readonly match?: KubeRequestMatch;
  readonly fault: Fault;
  /** Only the first so many matching requests. Default: until cleared. */
  readonly times?: number;
  /** Only every so-manyth matching request, the first included. Default 1: all of them. 5 is 20 %. */
  readonly every?: number;
}

export interface InjectedFault {
  /** Requests that it hit. */
  readonly hits: number;
  /** A second call does nothing. */
  clear(): void;
}

/** One rule at work. */
export class ActiveFault implements InjectedFault {
  readonly fault: Fault;
  readonly cleared: AbortSignal;
  readonly #rule: FaultRule;
  readonly #clear = new AbortController();
  #matched = 0;
  #hits = 0;

  constructor(rule: FaultRule) {
    this.fault = rule.fault;
    this.#rule = rule;
    this.cleared = this.#clear.signal;
  }

  get hits(): number {
    return this.#hits;
  }

  clear(): void {
    this.#clear.abort();
  }

  /** True when this request gets the fault; counts it. */
  hit(request: KubeRequest): boolean {
    const { match = {}, times = Number.POSITIVE_INFINITY, every = 1 } = this.#rule;
    if (this.cleared.aborted || this.#hits >= times || !matchesRequest(request, match)) return false;
    this.#matched += 1;
    if ((this.#matched - 1) % every !== 0) return false;
    this.#hits += 1;
    return true;
  }
}

/** The API server's Status object, https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/. */
export function statusObject(code: number, retryAfterSeconds?: number): object {
  const reason = REASON_OF_CODE[code] ?? 'InternalError';
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  const message = `injected ${reason}`;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...details, code };
}

const REASON_OF_CODE: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** A list with only its first items, which claims that no page follows. @throws Error when the text is no list. */
export function shortenedList(text: string, keepItems: number): string {
  const list = JSON.parse(text) as { metadata: Record<string, unknown>; items?: unknown[] };
  if (!Array.isArray(list.items)) throw new Error('this answer is no list; aim the fault with match: { verb: "list" }');
  const { continue: _continue, remainingItemCount: _remaining, ...metadata } = list.metadata;
  return JSON.stringify({ ...list, metadata, items: list.items.slice(0, keepItems) });
}
