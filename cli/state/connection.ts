/** Writes where a running `mcp2 up` listens (`#lib/config/connection-file.ts` reads it), and removes it in the end. */
import { rmSync } from 'node:fs';
import type { Connection } from '#lib/config/connection-file.ts';
import { saveFileSync } from '#lib/saved-file.ts';

/** @throws the file system's error; the file is as it was before. */
export function writeConnection(path: string, connection: Connection): void {
  saveFileSync(path, `${JSON.stringify(connection, null, 2)}\n`);
}

/** Does nothing when it is gone already. */
export function removeConnection(path: string): void {
  rmSync(path, { force: true });
}
