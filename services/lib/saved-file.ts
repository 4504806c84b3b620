/**
 * A file of ours, replaced whole: whoever reads it meets the old content or the new, also after a crash or on a disk that
 * filled up half-way. A replacement that failed leaves nothing behind.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface SaveOptions {
  /** Default 0600. */
  readonly mode?: number;
}

/** @throws the file system's error; the file is as it was before. */
export function saveFileSync(path: string, text: string, { mode = 0o600 }: SaveOptions = {}): void {
  const next = temporaryName(path);
  try {
    const file = openSync(next, 'wx', mode);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** The same without holding up other work. Two at once for one path: the later one to end counts. */
export async function saveFile(path: string, text: string, { mode = 0o600 }: SaveOptions = {}): Promise<void> {
  const next = temporaryName(path);
  try {
    await writeAll(next, text, mode);
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

async function writeAll(path: string, text: string, mode: number): Promise<void> {
  await using file = await open(path, 'wx', mode);
  await file.writeFile(text);
  await file.sync();
}

/** The rename itself survives a power cut only once the folder is written; not every file system can be asked. */
async function syncFolder(path: string): Promise<void> {
  try {
    await using folder = await open(path, 'r');
    await folder.sync();
  } catch {
    // The content is whole in either case.
  }
}

function temporaryName(path: string): string {
  return `${path}.${randomUUID()}`;
}
