/**
 * What the reading thread does: lists a folder, and turns one file in it into resources or problems. Everything that may
 * take long with a file that somebody else wrote is in here.
 */
import { createHash } from 'node:crypto';
import { opendirSync, statSync } from 'node:fs';
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import type { ParseMcp2Server } from '../../server/resource.ts';
import { MAX_FILE_BYTES, type ReadOptions, type ReadResources, readResources } from '../resource-file.ts';

/** More YAML files in a folder are refused. */
export const MAX_FILES = 1000;
/** Entries of a folder that are looked at, whatever they are. */
const MAX_ENTRIES = 100_000;
/** A change within the same tick of the file system's clock would not show: FAT and old NFS count in two seconds. */
const TICK_MS = 2_000;

/** What is known of a file from an earlier look. */
export interface Known {
  /** Of its place and times; undefined when it may have changed since without showing. */
  readonly signature: string | undefined;
  /** Of its content; of a file that cannot be read, the problem. */
  readonly digest: string;
}

export interface FileRequest {
  readonly path: string;
  /** As problems name it. */
  readonly name: string;
  readonly known: Known | undefined;
  readonly nowMs: number;
}

/** `read` is absent when the content is that of the look before. */
export type FileAnswer = Known & { readonly read?: ReadResources };

export interface TextRequest {
  readonly name: string;
  readonly text: string;
  readonly options: ReadOptions;
}

/** The *.yaml and *.yml files, sorted. @throws Error with a sentence that says what to do */
export function listFiles(directory: string): readonly string[] {
  const names: string[] = [];
  for (const name of entriesOf(directory)) {
    if (!/\.ya?ml$/.test(name) || name.startsWith('.')) continue;
    names.push(name);
    if (names.length > MAX_FILES) throw new Error(`${directory} holds more than ${MAX_FILES} YAML files; split it`);
  }
  return names.sort();
}

/**
 * @param onBegan Told of the content before the work on it: whoever has to end that work knows what not to try again.
 * @returns undefined when the file is gone
 */
export function readFileAt(
  { path, name, known, nowMs }: FileRequest,
  parse: ParseMcp2Server,
  onBegan: (found: Known) => void = () => undefined,
): FileAnswer | undefined {
  try {
    const signature = signatureOf(path, nowMs);
    if (signature !== undefined && known?.signature === signature) return known;
    const content = readForeignFileSync(path, { maxBytes: MAX_FILE_BYTES });
    const digest = createHash('sha256').update(content).digest('hex');
    if (known?.digest === digest) return { signature, digest };
    onBegan({ signature, digest });
    return { signature, digest, read: readResources(name, content.toString('utf8'), parse) };
  } catch (error) {
    if (isGone(error)) return undefined;
    const message = sentence(error);
    if (known?.digest === message) return known;
    return { signature: undefined, digest: message, read: { problems: [{ file: name, line: 1, message }] } };
  }
}

function entriesOf(directory: string): readonly string[] {
  try {
    const folder = opendirSync(directory);
    try {
      const names: string[] = [];
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        names.push(entry.name);
        if (names.length > MAX_ENTRIES) throw new Error(`${directory} holds more than ${MAX_ENTRIES} files; split it`);
      }
      return names;
    } finally {
      folder.closeSync();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const why = code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw new Error(`the folder of resources ${directory} ${why}; create it, or name another one`, { cause: error });
  }
}

/** Undefined for one that changed so lately that the next change may look the same. @throws the file system's error */
function signatureOf(path: string, nowMs: number): string | undefined {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  const ageMs = nowMs - Number(ctimeNs / 1_000_000n);
  return ageMs < TICK_MS ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join('/');
}

/** A link that leads nowhere is a file that is not there yet. */
function isGone(error: unknown): boolean {
  if (error instanceof ForeignFileError) return error.fault === 'ABSENT';
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function sentence(error: unknown): string {
  if (!(error instanceof ForeignFileError)) {
    const why = (error as NodeJS.ErrnoException).code ?? 'an error of mcp2 itself';
    return `cannot be read (${why}); make it a file that this user may read, or remove it`;
  }
  if (error.fault === 'TOO_LARGE') return 'is larger than 1 MiB; split it';
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? (error.fault === 'FOLDER' ? 'EISDIR' : '');
  const why = code === '' ? error.message : code;
  return `cannot be read (${why}); make it a file that this user may read, or remove it`;
}
