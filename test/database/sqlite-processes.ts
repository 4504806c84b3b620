/** The child processes of SQLite databases, as the kernel lists them. Linux only. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { Access } from '../../services/context-tool/database/sqlite/messages.ts';
import { eventually } from '../harness/eventually.ts';

export interface SqliteProcess {
  readonly pid: number;
  readonly access: Access;
}

/** Of this file, whoever started them. */
export function sqliteProcesses(file: string): SqliteProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const settings = settingsOf(name);
      return settings?.file === file ? [{ pid: Number(name), access: settings.access }] : [];
    });
}

/** The last argument of its command line. */
function settingsOf(pid: string): { readonly file: string; readonly access: Access } | undefined {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (!args.some((arg) => arg.endsWith('/sqlite/child/main.ts'))) return undefined;
    return JSON.parse(args.at(-2) ?? '');
  } catch {
    // It has just ended.
    return undefined;
  }
}

/** It has written, and has done nothing since for a while: killed before its commit it would be asked once more. */
export async function untilItWaits(file: string): Promise<void> {
  let quiet = 0;
  await eventually(
    () => {
      const hasWritten = (statSync(`${file}-journal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
      quiet = hasWritten && !sqliteProcesses(file).some(isBusy) ? quiet + 1 : 0;
      return quiet;
    },
    (count) => count >= 4,
  );
}

/** Uses a processor or a disk just now; the state stands behind the name in parentheses. */
export function isBusy({ pid }: { readonly pid: number }): boolean {
  try {
    return /\) [RD] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // It has just ended.
    return false;
  }
}
