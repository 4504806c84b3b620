/**
 * An issuer's keys from a URL that the configuration names; never one that a token or a header names.
 *
 * Redirects are refused, because whoever answers for a path of the issuer's host could otherwise point us at keys of
 * his own. Plain http would let anybody on the way do the same; it is for a loopback address in development alone.
 */
import type { Clock } from '#lib/clock.ts';
import { type KeySet, KeySetError, MAX_KEY_SET_BYTES, parseKeySet } from './key-set.ts';
import { createKeySource, type KeySource } from './key-source.ts';

export interface KeyUrlOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Development only: lets the URL be http on a loopback address. Default false. */
  readonly allowLoopbackHttp?: boolean;
  readonly onRead?: (keys: KeySet) => void;
  readonly onFailure?: (error: unknown) => void;
}

export const KEY_URL_TIMEOUT_MS = 5_000;

/**
 * Ten minutes is how long a withdrawn key may go on being accepted. An hour without an answer is the longest life of a
 * token: by then each token from before the outage has expired.
 */
const URL_POLICY = { refreshAfterMs: 540_000, maxAgeMs: 600_000, maxStaleMs: 3_600_000, retryAfterMs: 5_000 };
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** @throws TypeError for a URL that must not be used. */
export function createKeyUrlSource(options: KeyUrlOptions): KeySource {
  const { clock, onRead, onFailure } = options;
  const url = requireSafeUrl(options.url, options.allowLoopbackHttp ?? false);
  return createKeySource({ clock, policy: URL_POLICY, onRead, onFailure, read });

  async function read(): Promise<KeySet> {
    const done = new AbortController();
    const timeout = new AbortController();
    clock.sleep(KEY_URL_TIMEOUT_MS, done.signal).then(
      () => timeout.abort(new KeySetError('the key URL gave no whole answer within 5 s')),
      () => {}, // Rejects when we are done first.
    );
    try {
      return await parseKeySet(await fetchText(url, options.fetch, timeout.signal));
    } finally {
      done.abort();
    }
  }
}

function requireSafeUrl(text: string, allowLoopbackHttp: boolean): URL {
  const url = URL.parse(text);
  if (url === null) throw new TypeError('the key URL is not a URL');
  const isLoopbackHttp = url.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (url.protocol !== 'https:' && !(isLoopbackHttp && allowLoopbackHttp)) {
    throw new TypeError('the key URL must be https (http only for a loopback address in development)');
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new TypeError('the key URL must hold neither user name, password nor fragment');
  }
  return url;
}

async function fetchText(url: URL, fetchUrl: typeof fetch, signal: AbortSignal): Promise<string> {
  const headers = { accept: 'application/jwk-set+json, application/json' };
  const response = await fetchUrl(url, { redirect: 'manual', signal, headers });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new KeySetError(`the key URL answered ${response.status}; it must answer 200 itself, redirects are refused`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > MAX_KEY_SET_BYTES) throw new KeySetError('the key set is larger than 64 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
