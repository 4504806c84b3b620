/**
 * Where built binaries live: `${XDG_CACHE_HOME:-~/.cache}/mcp2/<hash>/bin`, outside the clone, so that a second
 * clone starts at once and `git clean` costs nothing.
 *
 * The hash covers go.mod, go.sum, our one Go source, the flags of the whole catalogue and the platform: a binary in
 * the folder is therefore always the right one, and a look at the file's existence is all that a warm start needs.
 * The whole catalogue rather than the binaries that were asked for, so that the levels share etcd and kube-apiserver.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Binary, buildArguments, CATALOGUE, kubernetesVersionOf } from './binaries.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface BuildPlan {
  /** Folder of this hash; holds bin/, the lock and nothing else. */
  readonly folder: string;
  readonly bin: string;
  readonly kubernetesVersion: string;
  /** Text of the go.mod that pins them. */
  readonly goMod: string;
}

/** The folder that holds go.mod. */
export const MODULE_FOLDER = import.meta.dirname;

/** `${XDG_CACHE_HOME:-~/.cache}/mcp2`. The XDG base directory specification: a relative path is ignored. */
export function cacheFolder(env: Environment): string {
  const configured = env.XDG_CACHE_HOME;
  return join(configured?.startsWith('/') ? configured : join(homedir(), '.cache'), 'mcp2');
}

/** @param module The folder of the go.mod that builds them. */
export async function planBuild(
  binaries: readonly Binary[],
  env: Environment,
  module = MODULE_FOLDER,
): Promise<BuildPlan> {
  const [goMod = '', goSum] = await Promise.all(
    ['go.mod', 'go.sum'].map((name) => readFile(join(module, name), 'utf8')),
  );
  const kubernetesVersion = kubernetesVersionOf(await readFile(join(MODULE_FOLDER, 'go.mod'), 'utf8'));
  const shared = module === MODULE_FOLDER ? CATALOGUE : [];
  const source = module === MODULE_FOLDER ? await readFile(join(MODULE_FOLDER, 'pause', 'main.go'), 'utf8') : '';
  const flags = [...shared, ...binaries.filter((binary) => !shared.includes(binary))].map((binary) => [
    binary.name,
    binary.cgo ?? false,
    buildArguments(binary, kubernetesVersion),
  ]);
  const hash = createHash('sha256')
    .update(JSON.stringify([goMod, goSum, source, flags, process.platform, process.arch]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheFolder(env), hash);
  return { folder, bin: join(folder, 'bin'), kubernetesVersion, goMod };
}
