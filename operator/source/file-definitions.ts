/** What a folder of files defines, taken together. Pure. */
import { keyOf } from '#lib/kube/object.ts';
import type { Mcp2Server } from '../server/resource.ts';
import type { Known } from './reader/read-file.ts';
import type { FileProblem } from './resource-file.ts';

/** One file as it was read: its resources are the last good ones where it has problems. */
export interface ReadFile extends Known {
  readonly resources: readonly Mcp2Server[];
  readonly problems: readonly FileProblem[];
}

export interface Defined {
  readonly resource: Mcp2Server;
  readonly file: string;
}

export interface Definitions {
  readonly wanted: ReadonlyMap<string, Defined>;
  readonly problems: readonly FileProblem[];
}

/**
 * Servers of one folder. Each change of one writes down what is known of all, so that more belong into a cluster; and a
 * few hostile files must not grow without end what stays in memory.
 */
export const MAX_SERVERS = 2000;

/** Of two definitions of one name the first file's counts. */
export function defineServers(files: ReadonlyMap<string, ReadFile>): Definitions {
  const wanted = new Map<string, Defined>();
  const problems: FileProblem[] = [];
  for (const [file, read] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    problems.push(...read.problems);
    const tooMany = wanted.size + read.resources.length > MAX_SERVERS;
    if (tooMany) {
      const message = `is left out: with it the folder holds more than ${MAX_SERVERS} servers; use another folder, or a cluster`;
      problems.push({ file, line: 1, message });
      continue;
    }
    for (const resource of read.resources) {
      const key = keyOf(resource);
      const other = wanted.get(key);
      if (other)
        problems.push({ file, line: 1, message: `${key} is already defined in ${other.file}; rename one of them` });
      else wanted.set(key, { resource, file });
    }
  }
  return { wanted, problems };
}
