/** What a folder of files defines, taken together. Pure. */
import { foldServerName } from '#lib/capability/name.ts';
import { keyOf } from '#lib/kube/object.ts';
import { onOneLine } from '#lib/printable.ts';
import { type Mcp2Server, serverNameOf } from '../server/resource.ts';
import type { Known } from './reader/read-file.ts';
import type { FileProblem } from './resource-file.ts';

/** One file as it was read: its resources are the last good ones where it has problems. */
export interface ReadFile extends Known {
  /** It configures a server; its resource is derived from that. */
  readonly isRuntime?: true | undefined;
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

/** Of two definitions of one name the first file's counts; what somebody wrote down counts more than what is derived. */
export function defineServers(files: ReadonlyMap<string, ReadFile>): Definitions {
  const wanted = new Map<string, Defined>();
  const problems: FileProblem[] = [];
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const derived = sorted.filter(([, { isRuntime }]) => isRuntime === true);
  for (const [file, read] of sorted.filter(([, { isRuntime }]) => isRuntime !== true)) {
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
  for (const [file, read] of derived) {
    problems.push(...read.problems);
    for (const resource of read.resources) {
      const rival = rivalOf(resource, wanted);
      if (rival === undefined && wanted.size < MAX_SERVERS) wanted.set(keyOf(resource), { resource, file });
      else problems.push({ file, line: 1, message: whyNotKnown(resource, rival) });
    }
  }
  return { wanted, problems };
}

/** Of the same server name, or, since names of resources have fewer characters, of the same key. */
function rivalOf(resource: Mcp2Server, wanted: ReadonlyMap<string, Defined>): Defined | undefined {
  const folded = foldServerName(serverNameOf(resource));
  const named = [...wanted.values()].find((one) => foldServerName(serverNameOf(one.resource)) === folded);
  return named ?? wanted.get(keyOf(resource));
}

function whyNotKnown(resource: Mcp2Server, rival: Defined | undefined): string {
  const name = serverNameOf(resource);
  if (rival === undefined)
    return `${name} is left out: the folder holds more than ${MAX_SERVERS} servers; use another folder`;
  return `${name} runs, but clients are told of the server ${serverNameOf(rival.resource)} in ${onOneLine(rival.file)}; rename one of them, or remove that file`;
}
