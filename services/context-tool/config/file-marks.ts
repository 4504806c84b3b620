/**
 * Whether files are as they were: a mark of the content of each, taken anew only where the file system says that something
 * may have changed. Links count for what they lead to, so that the swap of a mounted ConfigMap is a change.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { ForeignFileError, readForeignFile } from '#lib/foreign-file.ts';

/** By path: of its content, or why there is none. */
export type Marks = ReadonlyMap<string, string>;

/** A file that is larger is only known by its size and times. */
const MAX_BYTES = 16 * 1024 * 1024;
/** A change within the same tick of the file system's clock would not show: FAT and old NFS count in two seconds. */
const TICK_MS = 2_000;

interface Known {
  readonly signature: string;
  readonly mark: string;
}

export class FileMarks {
  #known = new Map<string, Known>();

  /** @param nowMs Wall time. Never rejects. */
  async take(paths: readonly string[], nowMs: number): Promise<Marks> {
    const known = new Map<string, Known>();
    const marks = new Map<string, string>();
    for (const path of new Set(paths)) {
      const { signature, mark } = await this.#takeOne(path, nowMs);
      marks.set(path, mark);
      if (signature !== undefined) known.set(path, { signature, mark });
    }
    this.#known = known;
    return marks;
  }

  async #takeOne(path: string, nowMs: number): Promise<{ signature: string | undefined; mark: string }> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      const signature = [dev, ino, size, mtimeNs, ctimeNs].join('/');
      const known = this.#known.get(path);
      if (known?.signature === signature) return known;
      const mark = size > MAX_BYTES ? signature : await contentMark(path);
      const isSettled = nowMs - Number(ctimeNs / 1_000_000n) > TICK_MS;
      return { signature: isSettled ? signature : undefined, mark };
    } catch (error) {
      const why = error instanceof ForeignFileError ? error.fault : (error as NodeJS.ErrnoException).code;
      return { signature: undefined, mark: `none: ${why}` };
    }
  }
}

/** Those that are not as they were, or were not asked about. */
export function changedFiles(before: Marks, after: Marks): readonly string[] {
  return [...after].filter(([path, mark]) => before.get(path) !== mark).map(([path]) => path);
}

async function contentMark(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readForeignFile(path, { maxBytes: MAX_BYTES }))
    .digest('hex');
}
