/**
 * Files that a configuration names: SQL, modules, contents. They lie below the folder of the configuration, wherever links
 * lead: a configuration that somebody else wrote must not serve what this process may read elsewhere.
 *
 * Mounted ConfigMaps are links into a hidden folder beside them, so both sides are compared as they really are.
 */
import { accessSync, constants, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import { quoted } from '#lib/printable.ts';

export type Found<T> = { readonly ok: T; readonly problem?: undefined } | { readonly problem: string };

/** A relative path below the folder, absolute. The file need not be there. */
export function pathBelow(folder: string, written: string): Found<string> {
  if (isAbsolute(written)) {
    return {
      problem: `${quoted(written)} is absolute; write a path that is relative to the folder of the configuration`,
    };
  }
  const path = resolve(folder, written);
  const really = realPath(path);
  if (really === undefined || !isBelow(realPath(folder) ?? folder, really) || !isBelow(folder, path)) {
    return { problem: `${quoted(written)} leads out of the folder ${quoted(folder)}; put the file below it` };
  }
  return { ok: path };
}

/** The content of a regular file below the folder. */
export function contentBelow(folder: string, written: string, maxBytes: number): Found<Buffer> & { path?: string } {
  const below = pathBelow(folder, written);
  if (below.problem !== undefined) return below;
  try {
    return { path: below.ok, ok: readForeignFileSync(below.ok, { maxBytes }) };
  } catch (error) {
    return { path: below.ok, problem: unreadable(written, error) };
  }
}

/** A regular file below the folder that this user may read; it is not read. */
export function fileBelow(folder: string, written: string): Found<string> & { path?: string } {
  const below = pathBelow(folder, written);
  if (below.problem !== undefined) return below;
  const path = below.ok;
  try {
    if (!statSync(path).isFile()) return { path, problem: `${quoted(written)} is no regular file` };
    accessSync(path, constants.R_OK);
    return { path, ok: path };
  } catch (error) {
    return { path, problem: unreadable(written, error) };
  }
}

/** True when a new file could be made there, or one that is there be written. */
export function isWritable(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function unreadable(written: string, error: unknown): string {
  const why = error instanceof ForeignFileError ? error.message : whyOf((error as NodeJS.ErrnoException).code);
  return `${quoted(written)} cannot be read: ${why}`;
}

function whyOf(code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  return code === 'EACCES' ? 'this user may not read it' : String(code);
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** As it is without links; of what is not there, the part that is. Undefined for a circle of links. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return undefined;
    const folder = dirname(path);
    const above = folder === path ? path : realPath(folder);
    const target = targetOf(path);
    if (above === undefined || folder === path) return above;
    return target === undefined ? join(above, path.slice(folder.length)) : realPath(resolve(above, target));
  }
}

/** Of a link that leads nowhere yet: what is made there is made at its end. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
