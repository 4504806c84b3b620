/**
 * Files that are read again when they change: certificates, keys, JWKS.
 *
 * By polling, because Kubernetes swaps a mounted Secret by renaming a symbolic link, which file watchers miss or report
 * before the new content is whole. Files that belong together (a certificate and its key) are read as one: their content
 * is only taken when `parse` accepts all of it, so a rotation that is half done keeps the last good content.
 */
import type { Clock } from '../clock.ts';
import { ForeignFileError, readForeignFile } from '../foreign-file.ts';

/** No file that is watched so is anywhere near this large. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

export interface WatchedFilesOptions<Value> {
  readonly paths: readonly string[];
  /** Makes the value of the files' contents, in the order of the paths. May throw: the last good value stays. */
  readonly parse: (contents: readonly Buffer[]) => Value | Promise<Value>;
  readonly clock: Clock;
  /** How often to look. Default 10 000. */
  readonly pollMs?: number;
  /** Told once each time a problem begins, and again when it becomes another one. */
  readonly onProblem: (error: Error) => void;
}

export class WatchedFiles<Value> {
  readonly #options: WatchedFilesOptions<Value>;
  readonly #listeners = new Set<(value: Value) => void>();
  readonly #closed = new AbortController();
  #value: Value;
  #contents: readonly Buffer[];
  #problem: string | undefined;

  /** Use `watchFiles`. */
  constructor(options: WatchedFilesOptions<Value>, contents: readonly Buffer[], value: Value) {
    this.#options = options;
    this.#contents = contents;
    this.#value = value;
    this.#poll().catch((error: Error) => options.onProblem(error));
  }

  /** The last good value. */
  get value(): Value {
    return this.#value;
  }

  /** What is wrong with the files as they are now; undefined when `value` is what they say. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Called with each new value; returns what takes the listener off again. */
  onChange(listener: (value: Value) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks now, without waiting for the next poll. Never throws: see `problem`. */
  async refresh(): Promise<void> {
    try {
      const contents = await readAll(this.#options.paths);
      const changed = contents.some((content, index) => !content.equals(this.#contents[index] ?? Buffer.alloc(0)));
      if (changed) {
        const value = await this.#options.parse(contents);
        this.#contents = contents;
        this.#value = value;
        for (const listener of this.#listeners) listener(value);
      }
      this.#problem = undefined;
    } catch (error) {
      this.#report(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Stops looking; the value stays. */
  close(): void {
    this.#closed.abort();
    this.#listeners.clear();
  }

  #report(error: Error): void {
    if (error.message === this.#problem) return;
    this.#problem = error.message;
    this.#options.onProblem(error);
  }

  async #poll(): Promise<void> {
    const { signal } = this.#closed;
    const { clock, pollMs = 10_000 } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(pollMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.refresh();
    }
  }
}

/** @throws when a file cannot be read or `parse` refuses the first content: there is no last good value yet. */
export async function watchFiles<Value>(options: WatchedFilesOptions<Value>): Promise<WatchedFiles<Value>> {
  const contents = await readAll(options.paths);
  return new WatchedFiles(options, contents, await options.parse(contents));
}

function readAll(paths: readonly string[]): Promise<Buffer[]> {
  return Promise.all(
    paths.map(async (path) => {
      try {
        return await readForeignFile(path, { maxBytes: MAX_FILE_BYTES });
      } catch (error) {
        throw error instanceof ForeignFileError ? unreadable(path, error) : error;
      }
    }),
  );
}

/** Several files may be watched as one, so the sentence names the one. */
function unreadable(path: string, { fault, message, cause }: ForeignFileError): Error {
  if (fault === 'ABSENT' || fault === 'FORBIDDEN') return cause as Error;
  return new Error(`${path} cannot be read: ${message}`, { cause });
}
