/**
 * Nothing outlives the tests: a tiny shell beside each started process waits on a pipe from this process, and when
 * the pipe closes (this process ended, crashed or was killed with SIGKILL) it kills what was started and removes
 * its folder.
 *
 * Why not PR_SET_PDEATHSIG (`setpriv --pdeathsig`): Linux only, bound to the thread that started the process, and
 * it removes no files.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

export interface ProcessGuard {
  /** Watches this process group from now on, instead of the one before. */
  watch(pid: number): void;
  /** The watched process has ended: its number may belong to somebody else soon. */
  forget(): void;
}

export interface GuardShell {
  readonly shell: ChildProcess;
  /** Its end is the shell's sign to clean up. */
  readonly pipe: Socket;
}

// At the end of input: kill the children (those of PostgreSQL lead groups of their own, and may be stopped) and the group,
// wait up to 5 s until it is gone (it may still write files), remove.
const SCRIPT = `
pid=
while read -r verb value; do
  case $verb in watch) pid=$value ;; forget) pid= ;; esac
done
if [ -n "$pid" ]; then
  pkill -KILL -P "$pid" 2>/dev/null
  kill -s KILL -- "-$pid" 2>/dev/null
  tries=0
  while kill -s 0 -- "-$pid" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
fi
rm -rf -- "$1"
rmdir -- "$2" 2>/dev/null
`;

/** @param folder Removed when this process ends. @param parent Removed after it when it is empty by then. */
export function startGuard(folder: string, parent: string): ProcessGuard {
  const { pipe } = startGuardShell('mcp2-test-guard', SCRIPT, [folder, parent]);
  return {
    watch: (pid) => void pipe.write(`watch ${pid}\n`),
    forget: () => void pipe.write('forget\n'),
  };
}

/**
 * A shell whose standard input is a pipe from this process, in a session of its own: neither Ctrl-C nor a SIGKILL to the
 * test runner's process group reaches it. It keeps nobody running.
 */
export function startGuardShell(name: string, script: string, parameters: readonly string[]): GuardShell {
  const shell = spawn('/bin/sh', ['-c', script, name, ...parameters], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const pipe = shell.stdin as Socket;
  pipe.on('error', () => {});
  shell.unref();
  pipe.unref();
  return { shell, pipe };
}
