/** Why a module cannot be used, as a problem of the configuration that names it. */
import { basename } from 'node:path';
import { onOneLine, quoted, shortOnOneLine } from '#lib/printable.ts';
import type { ModuleConfig, Problem } from '../config/runtime-config.ts';
import { ModuleError } from './failures.ts';

const MAX_REASON_CHARACTERS = 300;
const MAX_NAMED = 10;

/** @param cause What its process said; undefined when it just ended. */
export function loadProblem({ file, place }: ModuleConfig, cause: unknown): Problem {
  return { ...place, message: `the module ${quoted(basename(file))} cannot be loaded: ${reasonOf(cause)}` };
}

export function missingExport({ file, export: name, place }: ModuleConfig, exports: readonly string[]): Problem {
  const named = exports.slice(0, MAX_NAMED).map(onOneLine).join(', ');
  const has = exports.length === 0 ? 'it exports no function' : `its functions are: ${named}`;
  return { ...place, message: `the module ${quoted(basename(file))} has no function ${quoted(name)}; ${has}` };
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'its process ended while it was loaded; the log has what it wrote';
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' && !(cause instanceof ModuleError)) return 'there is no such file';
  if (cause instanceof ModuleError && code === 'ERR_ACCESS_DENIED') return accessDenied(cause);
  const at = cause instanceof ModuleError && cause.place !== undefined ? `${onOneLine(cause.place)}: ` : '';
  const said = shortOnOneLine(cause.message, MAX_REASON_CHARACTERS);
  const hint = code === 'ERR_MODULE_NOT_FOUND' ? '; a module finds files and packages in its own folder alone' : '';
  return `${at}${said}${hint}`;
}

function accessDenied({ resource }: ModuleError): string {
  const what = resource === undefined ? 'something' : quoted(resource);
  return `it asks for ${what}, which it may not: a module reads its own folder alone, writes nothing and starts nothing`;
}
