/**
 * The Python that the proposal's own client runs on: a virtual environment with the pinned packages of
 * test/interop/requirements.txt and stubs made from the reference proto, in the user's cache folder.
 *
 * The folder is named after a hash of those two files and the interpreter, so what is found there is always the right
 * one; it is made in place (scripts of a virtual environment name their own path) and marked when complete.
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, type Environment } from '../cluster/cache.ts';
import { withFileLock } from '../cluster/file-lock.ts';
import { runCommand } from '../cluster/run-command.ts';

export interface PythonOptions {
  /** Default: the process's. */
  readonly env?: Environment;
  /** Where progress goes, a line at a time. Default: standard error. */
  readonly say?: (line: string) => void;
}

export interface Python {
  /** Absolute path of the environment's interpreter. */
  readonly command: string;
  /** Folder with mcp2_pb2.py and mcp2_pb2_grpc.py; goes into PYTHONPATH. */
  readonly stubs: string;
}

/** What to type where python3 is missing, too old, or without venv. */
export const PYTHON_INSTALL_HINT =
  'Install Python 3.10 or newer with venv: "apt-get install python3 python3-venv", "dnf install python3" or ' +
  '"brew install python".';

const INTEROP = join(import.meta.dirname, '../interop');
const REQUIREMENTS = join(INTEROP, 'requirements.txt');
const REFERENCE = join(INTEROP, 'reference');

/** Builds the environment where it is missing (seconds), else returns at once. @throws Error that names what to type. */
export async function ensurePython({
  env = process.env,
  say = sayOnStandardError,
}: PythonOptions = {}): Promise<Python> {
  const folder = join(cacheFolder(env), `python-${await fingerprint(env)}`);
  const python = { command: join(folder, 'bin/python'), stubs: join(folder, 'stubs') };
  const complete = join(folder, '.complete');
  if (await exists(complete)) return python;
  await mkdir(cacheFolder(env), { recursive: true });
  const onWait = (pid: number) => say(`waiting for process ${pid}, which is installing the same Python packages`);
  await withFileLock(
    `${folder}.lock`,
    async () => {
      if (await exists(complete)) return;
      say("Python for the proposal's client: installing gRPC into the cache folder (once per machine)");
      const startedAtMs = performance.now();
      await install(folder, python, env);
      await writeFile(complete, '');
      say(`Python for the proposal's client: ready after ${Math.round((performance.now() - startedAtMs) / 1000)} s`);
    },
    { onWait },
  );
  return python;
}

async function install(folder: string, { command, stubs }: Python, env: Environment): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  try {
    await runCommand('python3', ['-m', 'venv', folder], { env });
  } catch (error) {
    throw new Error(`python3 has no working venv. ${PYTHON_INSTALL_HINT}`, { cause: error });
  }
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', '--requirement', REQUIREMENTS];
  await runCommand(command, pip, { env });
  await mkdir(stubs);
  const output = [`--python_out=${stubs}`, `--grpc_python_out=${stubs}`];
  await runCommand(command, ['-m', 'grpc_tools.protoc', `--proto_path=${REFERENCE}`, ...output, 'mcp2.proto'], { env });
}

/** @throws Error when python3 is missing or older than what the packages need. */
async function fingerprint(env: Environment): Promise<string> {
  const ask = 'import sys; print(sys.version_info >= (3, 10)); print(sys.version, sys.platform, sys.base_prefix)';
  let answer: string;
  try {
    answer = await runCommand('python3', ['-c', ask], { env });
  } catch (error) {
    throw new Error(`The client of the proposal needs python3. ${PYTHON_INSTALL_HINT}`, { cause: error });
  }
  if (!answer.startsWith('True')) throw new Error(`python3 on this machine is too old. ${PYTHON_INSTALL_HINT}`);
  const [requirements, reference] = await Promise.all([
    readFile(REQUIREMENTS, 'utf8'),
    readFile(join(REFERENCE, 'mcp2.proto'), 'utf8'),
  ]);
  const hash = createHash('sha256').update(JSON.stringify([requirements, reference, answer]));
  return hash.digest('hex').slice(0, 16);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function sayOnStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
