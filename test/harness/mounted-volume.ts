/**
 * A Secret or ConfigMap as the kubelet mounts it: the files are links through "..data", and a change of the whole is one
 * renamed link. A file that is watched by its own path never changes.
 */
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createWorkspace } from './processes.ts';

export class MountedVolume {
  readonly #folder: string;
  #contents: Readonly<Record<string, string>> = {};
  #edition = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(contents: Readonly<Record<string, string>>): Promise<MountedVolume> {
    const volume = new MountedVolume(join(createWorkspace('volume').folder, 'mount'));
    await mkdir(volume.#folder);
    await volume.swap(contents);
    for (const name of Object.keys(contents)) await symlink(join('..data', name), volume.path(name));
    return volume;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Replaces these files, all at once; the others stay as they are. */
  async swap(changes: Readonly<Record<string, string>>): Promise<void> {
    this.#contents = { ...this.#contents, ...changes };
    this.#edition += 1;
    const edition = `..${this.#edition}`;
    await mkdir(this.path(edition));
    for (const [name, content] of Object.entries(this.#contents)) {
      await writeFile(join(this.path(edition), name), content, { mode: 0o600 });
    }
    await symlink(edition, this.path('..data_tmp'));
    await rename(this.path('..data_tmp'), this.path('..data'));
  }
}
