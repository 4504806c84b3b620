/**
 * An issuer's keys from a file, for example a mounted ConfigMap: read again when the file has changed.
 *
 * Looked at, not watched: a ConfigMap volume changes by swapping a symbolic link above the file, which a file watch
 * misses. A file that is broken or gone keeps the last good keys.
 */
import { stat } from 'node:fs/promises';
import type { Clock } from '#lib/clock.ts';
import { ForeignFileError, readForeignFile } from '#lib/foreign-file.ts';
import { type KeySet, KeySetError, MAX_KEY_SET_BYTES, parseKeySet } from './key-set.ts';
import { createKeySource, type KeySource } from './key-source.ts';

export interface KeyFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly onRead?: (keys: KeySet) => void;
  readonly onFailure?: (error: unknown) => void;
}

const FILE_POLICY = {
  refreshAfterMs: 2_000,
  maxAgeMs: 30_000,
  maxStaleMs: Number.POSITIVE_INFINITY,
  retryAfterMs: 1_000,
};

export function createKeyFileSource({ path, clock, onRead, onFailure }: KeyFileOptions): KeySource {
  let lastVersion: string | undefined;
  return createKeySource({ clock, policy: FILE_POLICY, read, onRead, onFailure });

  async function read(): Promise<KeySet | undefined> {
    const { mtimeNs, size, ino, dev } = await stat(path, { bigint: true });
    const version = [mtimeNs, size, ino, dev].join('/');
    if (version === lastVersion) return undefined;
    const keys = await parseKeySet(await readBounded(path));
    lastVersion = version; // Only now: a file caught half-written is looked at again.
    return keys;
  }
}

async function readBounded(path: string): Promise<string> {
  try {
    return (await readForeignFile(path, { maxBytes: MAX_KEY_SET_BYTES })).toString('utf8');
  } catch (error) {
    if (!(error instanceof ForeignFileError)) throw error;
    if (error.fault === 'TOO_LARGE') throw new KeySetError('the key set is larger than 64 KiB');
    if (error.fault === 'NOT_REGULAR') throw new KeySetError(`the key set cannot be read: ${error.message}`);
    throw error.cause ?? error;
  }
}
