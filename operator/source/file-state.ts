/**
 * What an API server would remember of each resource, for resources that are files: uid, generation, creation time,
 * status. One JSON file in the state folder, replaced whole, so that a crash or a full disk leaves the old or the new.
 */
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import { saveFile } from '#lib/saved-file.ts';
import { isObject } from '#lib/schema/schema.ts';
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

/** 2,000 servers, the most that are read, have a tenth of it. */
const MAX_STATE_BYTES = 64 * 1024 * 1024;

/** An absent file is an empty state. @throws Error that says what to do when the file is unreadable or damaged. */
export function readFileState(path: string): FileState {
  const text = readText(path);
  if (text === undefined) return {};
  const state = parse(path, text);
  if (!isObject(state)) throw damaged(path, 'it holds no map of servers');
  for (const [key, remembered] of Object.entries(state)) {
    const wrong = problemOf(remembered);
    if (wrong !== undefined)
      throw damaged(path, `${wrong} of ${JSON.stringify(key.slice(0, 100))} is not what mcp2 writes`);
  }
  return state as FileState;
}

/** @throws the file system's error; the file is as it was before. */
export function writeFileState(path: string, state: FileState): Promise<void> {
  return saveFile(path, `${JSON.stringify(state, null, 2)}\n`);
}

function readText(path: string): string | undefined {
  try {
    return readForeignFileSync(path, { maxBytes: MAX_STATE_BYTES }).toString('utf8');
  } catch (error) {
    if (error instanceof ForeignFileError && error.fault === 'ABSENT') return undefined;
    throw new Error(`cannot read ${path}: ${(error as Error).message}; check its permissions, or delete it`, {
      cause: error,
    });
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is not JSON; delete it, and servers are registered afresh`, { cause });
  }
}

function damaged(path: string, why: string): Error {
  return new Error(`${path} is damaged (${why}); delete it, and servers are registered afresh`);
}

/** The member that is wrong. What an older mcp2 wrote passes: members are only ever added. */
function problemOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'the entry';
  const text = ['uid', 'serverName', 'specHash', 'creationTimestamp', 'file'].find((name) => !isText(value[name]));
  if (text !== undefined) return text;
  if (typeof value.generation !== 'number') return 'generation';
  if (typeof value.hasFinalizer !== 'boolean') return 'hasFinalizer';
  if (value.resource !== undefined && !isResource(value.resource)) return 'resource';
  return value.status !== undefined && !isStatus(value.status) ? 'status' : undefined;
}

/** As far as anybody reads it without asking; the operator checks the spec against the schema each time. */
function isResource(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { metadata, spec } = value;
  if (!isObject(metadata) || !isText(metadata.name) || !isText(metadata.namespace) || !isObject(spec)) return false;
  if (spec.serverName !== undefined && !isText(spec.serverName)) return false;
  return isListOf(spec.capabilities, ({ name }) => isText(name));
}

function isStatus(value: unknown): boolean {
  if (!isObject(value)) return false;
  return isListOf(value.conditions, ({ type, status, reason, message }) =>
    [type, status, reason, message].every(isText),
  );
}

function isListOf(value: unknown, test: (item: Readonly<Record<string, unknown>>) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.every((item) => isObject(item) && test(item)));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
