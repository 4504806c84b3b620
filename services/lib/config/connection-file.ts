/** Where a running `mcp2 up` listens: a file in the state folder, which it writes at its start and removes at its end. */
import { readFileSync } from 'node:fs';

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
