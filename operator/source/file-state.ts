/**
 * What an API server would remember of each resource, for resources that are files: uid, generation, creation time,
 * status. One JSON file in the state folder, replaced whole by rename, so that a crash leaves the old or the new.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Mcp2Server, Mcp2ServerStatus } from '../server/resource.ts';

export interface RememberedServer {
  readonly uid: string;
  readonly serverName: string;
  /** Hash of the spec that `generation` counts. */
  readonly specHash: string;
  readonly generation: number;
  /** RFC 3339, whole seconds. */
  readonly creationTimestamp: string;
  /** The file it came from, relative to the watched folder. */
  readonly file: string;
  /** True once the operator may have registered it: its removal must then be confirmed. */
  readonly hasFinalizer: boolean;
  /** As its file last defined it: what is in force when the file is broken at the next start. Absent once it is deleted. */
  readonly resource?: Mcp2Server;
  readonly status?: Mcp2ServerStatus;
}

export type FileState = Readonly<Record<string, RememberedServer>>;

/** An absent file is an empty state. @throws Error that says what to do when the file is unreadable. */
export function readFileState(path: string): FileState {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Error(`cannot read ${path}: ${(error as Error).message}; check its permissions`, { cause: error });
  }
  try {
    return JSON.parse(text) as FileState;
  } catch (cause) {
    throw new Error(`${path} is not JSON; delete it, and servers are registered afresh`, { cause });
  }
}

export function writeFileState(path: string, state: FileState): void {
  const next = `${path}.${randomUUID()}`;
  writeFileSync(next, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}
