/** Where a running `mcp2 up` listens: a file in the state folder, which it writes at its start and removes at its end. */
import { existsSync } from 'node:fs';
import { readForeignFileSync } from '../foreign-file.ts';
import { isLoopback } from '../net/loopback.ts';

export interface Connection {
  /** host:port of the registry. */
  readonly registry: string;
  /** host:port of the event bus. Absent in files of before there was one. */
  readonly eventBus?: string;
  /** The folder of YAML files. */
  readonly files: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** Ours has a few hundred bytes. */
const MAX_BYTES = 64 * 1024;

/** undefined when nothing runs, or something unreadable stands there: `connectionProblem` tells the two apart. */
export function readConnection(path: string): Connection | undefined {
  try {
    const value: unknown = JSON.parse(readForeignFileSync(path, { maxBytes: MAX_BYTES }).toString('utf8'));
    return isConnection(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `mcp2 up` listens on this machine alone: an address elsewhere is none that it wrote. @returns host:port */
export function readLocalRegistry(path: string): string | undefined {
  const registry = readConnection(path)?.registry;
  return registry !== undefined && isLoopback(registry) ? registry : undefined;
}

/** The same for the event bus; undefined also where what runs has none. @returns host:port */
export function readLocalEventBus(path: string): string | undefined {
  const eventBus = readConnection(path)?.eventBus;
  return eventBus !== undefined && isLoopback(eventBus) ? eventBus : undefined;
}

/** A sentence for a file that is there and says nothing; undefined for one that is sound or absent. */
export function connectionProblem(path: string): string | undefined {
  if (readConnection(path) !== undefined || !existsSync(path)) return undefined;
  return `${path} is damaged: delete it, and restart "mcp2 up" if it runs; it writes the file anew`;
}

function isConnection(value: unknown): value is Connection {
  const { registry, eventBus = '', files, pid, startedAt } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const texts = [registry, eventBus, files, startedAt];
  return texts.every((text) => typeof text === 'string') && Number.isSafeInteger(pid);
}
