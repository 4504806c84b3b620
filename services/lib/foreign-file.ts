/**
 * Reads a file that somebody else put there: one in a watched folder, one that an option or a setting names.
 *
 * Only a regular file, and never more than was asked for: a pipe waits for a writer that may never come, a device has
 * no end, and what is small when it is asked for its size may grow while it is read. So the file is opened without
 * waiting (O_NONBLOCK) and without becoming the controlling terminal (O_NOCTTY), the descriptor is asked what it is,
 * and at most one byte more than allowed is read. A link to a regular file is one: mounted Secrets are links.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

export type ForeignFileFault = 'ABSENT' | 'FORBIDDEN' | 'FOLDER' | 'NOT_REGULAR' | 'TOO_LARGE' | 'UNREADABLE';

/** The message has no path and fits behind one: "… cannot be read: " or " is unusable: ". */
export class ForeignFileError extends Error {
  readonly fault: ForeignFileFault;

  constructor(fault: ForeignFileFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ForeignFileError';
    this.fault = fault;
  }
}

export interface ForeignFileOptions {
  /** A larger file is refused. */
  readonly maxBytes: number;
}

/** @throws ForeignFileError */
export function readForeignFileSync(path: string, { maxBytes }: ForeignFileOptions): Buffer {
  try {
    // Opening alone wakes a writer of a pipe and starts some devices; the answer that counts is the descriptor's.
    requireRegular(statSync(path), maxBytes);
    const file = openSync(path, FLAGS);
    try {
      requireRegular(fstatSync(file), maxBytes);
      return collectSync((buffer, offset) => readSync(file, buffer, offset, buffer.length - offset, null), maxBytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw explain(error);
  }
}

/** @throws ForeignFileError */
export async function readForeignFile(path: string, { maxBytes }: ForeignFileOptions): Promise<Buffer> {
  try {
    requireRegular(await stat(path), maxBytes);
    await using file = await open(path, FLAGS);
    requireRegular(await file.stat(), maxBytes);
    return await collect(file, maxBytes);
  } catch (error) {
    throw explain(error);
  }
}

// Windows has neither; it has no such files to wait for.
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
/** The first buffer: most of these files are far smaller. */
const FIRST_BYTES = 16 * 1024;

function requireRegular(stats: Stats, maxBytes: number): void {
  if (stats.isDirectory()) throw new ForeignFileError('FOLDER', 'it is a folder');
  if (!stats.isFile()) throw new ForeignFileError('NOT_REGULAR', `it is ${kindOf(stats)}, not a regular file`);
  if (stats.size > maxBytes) throw tooLarge(maxBytes);
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'a device' : 'something else';
}

/** A file of /proc says that it has no size, so the size is only believed when it is too large. */
function collectSync(read: (buffer: Buffer, offset: number) => number, maxBytes: number): Buffer {
  let buffer: Buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, maxBytes + 1));
  let length = 0;
  for (;;) {
    const bytes = read(buffer, length);
    if (bytes === 0) return buffer.subarray(0, length);
    length += bytes;
    if (length > maxBytes) throw tooLarge(maxBytes);
    if (length === buffer.length) buffer = enlarge(buffer, maxBytes);
  }
}

async function collect(file: FileHandle, maxBytes: number): Promise<Buffer> {
  let buffer: Buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, maxBytes + 1));
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
    if (length > maxBytes) throw tooLarge(maxBytes);
    if (length === buffer.length) buffer = enlarge(buffer, maxBytes);
  }
}

function enlarge(buffer: Buffer, maxBytes: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(buffer.length * 4, maxBytes + 1));
  buffer.copy(larger);
  return larger;
}

function tooLarge(maxBytes: number): ForeignFileError {
  return new ForeignFileError('TOO_LARGE', `it is larger than ${formatBytes(maxBytes)}`);
}

function formatBytes(bytes: number): string {
  if (bytes % (1024 * 1024) === 0) return `${bytes / (1024 * 1024)} MiB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} bytes`;
}

function explain(error: unknown): ForeignFileError {
  if (error instanceof ForeignFileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new ForeignFileError('ABSENT', 'there is no such file', error);
  if (code === 'EACCES' || code === 'EPERM')
    return new ForeignFileError('FORBIDDEN', 'this user may not read it', error);
  if (code === 'EISDIR') return new ForeignFileError('FOLDER', 'it is a folder', error);
  // A socket, or a device that nothing drives, cannot even be opened.
  if (code === 'ENXIO' || code === 'ENODEV')
    return new ForeignFileError('NOT_REGULAR', 'it is not a regular file', error);
  if (code === 'ELOOP') return new ForeignFileError('UNREADABLE', 'it is a link that leads in a circle', error);
  return new ForeignFileError('UNREADABLE', code ?? message, error);
}
