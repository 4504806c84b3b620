/** Where a running `mcp2 up` listens, as a file in the state folder. It is removed when the process ends in order. */
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface Connection {
  /** host:port of the registry. */
  readonly registry: string;
  /** The folder of YAML files. */
  readonly files: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** undefined when nothing runs, or something unreadable stands there. */
export function readConnection(path: string): Connection | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Connection> | null;
    return typeof value?.registry === 'string' ? (value as Connection) : undefined;
  } catch {
    return undefined;
  }
}

export function writeConnection(path: string, connection: Connection): void {
  const next = `${path}.${randomUUID()}`;
  writeFileSync(next, `${JSON.stringify(connection, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

/** Does nothing when it is gone already. */
export function removeConnection(path: string): void {
  rmSync(path, { force: true });
}
