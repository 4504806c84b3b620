/** The files that are open in this process: databases that name the same one share its children and its queue. */
import { resolve } from 'node:path';
import { SqliteFile, type SqliteFileOptions } from './sqlite-file.ts';

export interface OpenFile {
  readonly file: SqliteFile;
  /** Closes it when nobody else has it. */
  release(): Promise<void>;
}

export class SqliteFiles {
  readonly #options: Omit<SqliteFileOptions, 'file'>;
  readonly #open = new Map<string, { file: SqliteFile; users: number }>();

  constructor(options: Omit<SqliteFileOptions, 'file'>) {
    this.#options = options;
  }

  /** @param init What makes the file when it does not exist. */
  open(path: string, init: readonly string[]): OpenFile {
    const key = resolve(path);
    const entry = this.#open.get(key) ?? { file: new SqliteFile({ file: key, ...this.#options }), users: 0 };
    this.#open.set(key, entry);
    entry.file.offerInit(init);
    entry.users += 1;
    let isReleased = false;
    return {
      file: entry.file,
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        entry.users -= 1;
        if (entry.users > 0) return;
        this.#open.delete(key);
        await entry.file.close();
      },
    };
  }
}
