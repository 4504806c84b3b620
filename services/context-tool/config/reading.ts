/** What the readers of the parts of a configuration share. */

import { isAbsolute } from 'node:path';
import type { Segments } from '#lib/schema/schema.ts';
import { contentBelow, type Found, fileBelow, pathBelow } from './file-paths.ts';
import type { DatabaseConfig, SecretReference } from './runtime-config.ts';
import type { RuntimeDocument } from './runtime-document.ts';
import type { Secrets } from './secrets.ts';

/** Where the file of an SQLite database may lie. */
export type SqlitePlace =
  /** A path below this folder: the state folder of `mcp2 up`. */
  | { readonly below: string }
  /** An absolute path, and its folder can be written. */
  | 'absolute'
  /** Either: for a check on a machine that does not run it. */
  | 'unchecked';

export interface Reading {
  readonly document: RuntimeDocument;
  /** Of the configuration, absolute: relative paths count from it. */
  readonly folder: string;
  /** Absolute paths of what was read or will be, the configuration itself among them: a change of one is a new state. */
  readonly files: Set<string>;
  readonly sqlite: SqlitePlace;
  /** Undefined: whether a secret is there is not asked. */
  readonly secrets: Secrets | undefined;
  /** A path of the configuration as problems name it. */
  shown(written: string): string;
  /** By name; a kind alone where the rest is broken. */
  readonly databases: ReadonlyMap<string, DatabaseConfig | undefined>;
}

/** Of a file below the folder; undefined after a problem was added. */
export function readContent(
  reading: Reading,
  segments: Segments,
  written: string,
  maxBytes: number,
): Buffer | undefined {
  return noted(reading, segments, contentBelow(reading.folder, written, maxBytes));
}

/** The absolute path of a readable file below the folder; undefined after a problem was added. */
export function locateFile(reading: Reading, segments: Segments, written: string): string | undefined {
  return noted(reading, segments, fileBelow(reading.folder, written));
}

/** With an absolute path; undefined after a problem was added. The message names the place of the secret alone. */
export function locateSecret(
  { document, folder, files, secrets }: Reading,
  segments: Segments,
  reference: SecretReference,
): SecretReference | undefined {
  const located = 'fromFile' in reference ? absoluteSecret(folder, reference.fromFile) : { ok: reference };
  if (located.problem !== undefined) {
    document.add([...segments, 'fromFile'], located.problem);
    return undefined;
  }
  if ('fromFile' in located.ok) files.add(located.ok.fromFile);
  const problem = secrets?.problemOf(located.ok);
  if (problem === undefined) return located.ok;
  document.add([...segments, 'fromFile' in reference ? 'fromFile' : 'fromEnv'], problem);
  return undefined;
}

function absoluteSecret(folder: string, written: string): Found<SecretReference> {
  if (isAbsolute(written)) return { ok: { fromFile: written } };
  const below = pathBelow(folder, written);
  return below.problem === undefined ? { ok: { fromFile: below.ok } } : below;
}

function noted<T>(
  { document, files }: Reading,
  segments: Segments,
  found: Found<T> & { path?: string },
): T | undefined {
  if (found.path !== undefined) files.add(found.path);
  if (found.problem === undefined) return found.ok;
  document.add(segments, found.problem);
  return undefined;
}
