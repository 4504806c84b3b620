/** The child processes of SQLite databases, as the kernel lists them. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Access } from '../../services/context-tool/database/sqlite/messages.ts';

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
