/**
 * The command line of a child process: Node with the permission model, behind prlimit and setpriv where they are there.
 *
 * The entry file is named with the extension of this one: `.ts` in a checkout, and in the published package, where Node
 * strips no types, the emitted `.js`.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endedWithParent } from '../ended-with-parent.ts';
import type { ProcessLimits } from './process-limits.ts';

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
}

export interface CommandOptions {
  /** Of the module, without links. */
  readonly file: string;
  /** What the module may hold, beyond what an empty child has. */
  readonly memoryBytes: number;
  readonly native: boolean;
  readonly limits: ProcessLimits;
}

export function childCommand({ limits, ...module }: CommandOptions): ChildCommand {
  const entry = fileURLToPath(new URL(`./child/main${extname(import.meta.url)}`, import.meta.url));
  const node = [process.execPath, ...nodeFlags(module, dirname(entry)), entry];
  const ended = endedWithParent(node, limits.setpriv);
  const dataBytes = BASE_DATA_BYTES + module.memoryBytes;
  const bounded = limits.prlimit === undefined ? ended : [limits.prlimit, `--data=${dataBytes}`, '--', ...ended];
  const [command = process.execPath, ...args] = bounded;
  return { command, args };
}

/** Every node_modules folder from which the module resolves packages, nearest first. */
export function packageFolders(file: string): string[] {
  const found: string[] = [];
  let folder = dirname(file);
  for (;;) {
    const candidate = join(folder, 'node_modules');
    if (existsSync(candidate)) found.push(realpathSync(candidate));
    const parent = dirname(folder);
    if (parent === folder) return found;
    folder = parent;
  }
}

const MEBIBYTE = 1024 * 1024;
/** Node maps this much before the first line of a module runs; most of it is never touched. */
const BASE_DATA_BYTES = 600 * MEBIBYTE;
/** Of the budget, for objects that stay; the rest is for Buffers, code and what is not collected yet. */
const HEAP_SHARE = 0.75;
/** Of the budget: V8 holds three such spaces for new objects, 16 MiB each by default, full of garbage. */
const NURSERY_SHARE = 1 / 32;

function nodeFlags({ file, memoryBytes, native }: Omit<CommandOptions, 'limits'>, ownFolder: string): string[] {
  const readable = [ownFolder, dirname(file), ...(native ? packageFolders(file) : [])];
  const memory = memoryBytes / MEBIBYTE;
  return [
    `--max-old-space-size=${Math.ceil(memory * HEAP_SHARE)}`,
    `--max-semi-space-size=${Math.ceil(memory * NURSERY_SHARE)}`,
    '--permission',
    ...readable.map((folder) => `--allow-fs-read=${join(folder, '/')}`),
    ...(native ? ['--allow-addons'] : []),
    // It may not read the package.json that would tell the type of a .js or .ts file; Node then looks at the text.
    '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
  ];
}
