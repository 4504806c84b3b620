/** Where the token of a call comes from. It is asked before each attempt, so that a renewed one is used at once. */
import { readFile, stat } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { type Clock, systemClock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';

export type TokenSource = () => string | Promise<string>;

/** A file is looked at again after so long; a projected token is renewed minutes before its end. */
const LOOK_AGAIN_MS = 1_000;
/** A token has at most 4 KiB, a chain of them 16. */
const MAX_BYTES = 64 * 1024;

/**
 * The token in a file that somebody else renews. While the file cannot be read, or is empty, the last good one is used.
 *
 * @returns a source that fails with a sentence as long as there never was a token
 */
export function tokenFile(path: string, { clock = systemClock }: { readonly clock?: Clock } = {}): TokenSource {
  let token: string | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (token !== undefined && clock.monotonicMs() - readAtMs < LOOK_AGAIN_MS) return token;
    try {
      token = await readToken(path);
    } catch (error) {
      if (token === undefined) throw error;
    }
    readAtMs = clock.monotonicMs();
    return token;
  };
}

/** @throws CallError for a source that has none: a call is over before it was made. */
export async function takeToken(source: TokenSource): Promise<string> {
  try {
    return await source();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const failure = {
      code: status.UNAUTHENTICATED,
      reason: 'CREDENTIAL_MISSING',
      reachedServer: false,
      cause,
    } as const;
    throw new CallError(message, failure);
  }
}

async function readToken(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    const text = (await readFile(path, 'utf8')).trim();
    if (text === '') throw new Error('it is empty');
    return text;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the token file ${path} cannot be used: ${why}`, { cause: error });
  }
}
