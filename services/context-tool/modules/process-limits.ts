/**
 * What this machine offers to hold a child process within bounds, besides Node's own flags. Each is used where it is there;
 * which ones hold is said once at the start, because the rest is then up to `--max-old-space-size` alone.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { promisify } from 'node:util';

export interface ProcessTools {
  /** util-linux: bounds the data segment from the first instruction on. */
  readonly prlimit: string;
  /** util-linux: the kernel ends the child when its parent is gone, also one in an endless loop. */
  readonly setpriv: string;
  /** Where the kernel tells the memory of a process. */
  readonly procfs: string;
}

export const USUAL_TOOLS: ProcessTools = { prlimit: '/usr/bin/prlimit', setpriv: '/usr/bin/setpriv', procfs: '/proc' };

/** A path that is undefined is not there or does not work. */
export interface ProcessLimits {
  readonly prlimit: string | undefined;
  readonly setpriv: string | undefined;
  readonly procfs: string | undefined;
}

/** Tries each tool once: a container may have the file and forbid what it does. */
export async function findLimits(tools: ProcessTools = USUAL_TOOLS): Promise<ProcessLimits> {
  const [prlimit, setpriv] = await Promise.all([
    works(tools.prlimit, [`--data=${PROBE_BYTES}`, tools.prlimit, '--version']),
    works(tools.setpriv, ['--pdeathsig', 'KILL', tools.setpriv, '--version']),
  ]);
  return {
    prlimit: prlimit ? tools.prlimit : undefined,
    setpriv: setpriv ? tools.setpriv : undefined,
    procfs: isReadable(`${tools.procfs}/self/status`) ? tools.procfs : undefined,
  };
}

/** For the log at the start: what holds a child whose module takes too much. */
export function describeLimits({ prlimit, setpriv, procfs }: ProcessLimits): Readonly<Record<string, string>> {
  const missing = (tool: string) => `no: ${tool} is not there or may not be used`;
  return {
    heap: 'yes: --max-old-space-size',
    files: 'yes: --permission; a module reads its own folder alone',
    environment: 'yes: empty',
    memory: procfs === undefined ? 'no: there is no /proc' : 'yes: looked at every 100 ms',
    dataSegment: prlimit === undefined ? missing('prlimit') : 'yes: prlimit',
    endWithParent: setpriv === undefined ? missing('setpriv') : 'yes: setpriv',
    network: 'no: a module reaches what this process reaches',
  };
}

const run = promisify(execFile);
const PROBE_BYTES = 1024 ** 3;
const PROBE_LIMIT_MS = 2_000;

async function works(command: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(command, args, { timeout: PROBE_LIMIT_MS, env: {} });
    return true;
  } catch {
    return false;
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
