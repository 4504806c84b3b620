/** Folders as they are found and as they are shown. */
import { existsSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { CommandFailed } from '../failure.ts';
import type { Terminal } from '../terminal.ts';

/** @param named `--files`; otherwise the examples of the package. @throws CommandFailed when there is no such folder. */
export function locateFiles(named: string | undefined, terminal: Terminal): string {
  const path = named === undefined ? exampleFiles(terminal) : resolve(named);
  if (!existsSync(path))
    throw new CommandFailed(`${path} does not exist: name a folder of YAML files with --files DIR`);
  if (statSync(path).isDirectory()) return path;
  throw new CommandFailed(`${path} is a file: name the folder that it lies in with --files DIR`);
}

export function exampleFiles({ packageFolder }: Pick<Terminal, 'packageFolder'>): string {
  return join(packageFolder, 'examples', 'inventory');
}

/** Relative to the working folder where it lies below it, else with ~ for the home folder. */
export function shortenPath(path: string, { homeFolder, workingFolder }: Terminal): string {
  const below = relative(workingFolder, path);
  if (below !== '' && !below.startsWith('..')) return below;
  return path.startsWith(homeFolder + sep) ? `~${path.slice(homeFolder.length)}` : path;
}
