/** Writes where a running `mcp2 up` listens (`#lib/config/connection-file.ts` reads it), and removes it in the end. */
import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Connection } from '#lib/config/connection-file.ts';

export function writeConnection(path: string, connection: Connection): void {
  const next = `${path}.${randomUUID()}`;
  writeFileSync(next, `${JSON.stringify(connection, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

/** Does nothing when it is gone already. */
export function removeConnection(path: string): void {
  rmSync(path, { force: true });
}
