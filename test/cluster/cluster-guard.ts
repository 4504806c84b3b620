/**
 * Nothing of a cluster outlives its owner: a tiny shell waits on a pipe from this process, and when the pipe closes
 * (dispose, a crash, SIGKILL) it ends the nodes and removes what they leave: control groups and the folder.
 *
 * It is the one clean-up there is, so that the orderly end and the other one cannot drift apart. A node's processes,
 * mounts, interfaces and firewall rules go with its namespaces.
 */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { startGuardShell } from '../harness/process-guard.ts';

export interface ClusterGuard extends AsyncDisposable {
  /** This process group belongs to the cluster from now on. */
  watch(pid: number): void;
  /** It has ended: its number may belong to somebody else soon. */
  forget(pid: number): void;
}

// A component that was paused leaves its nsenter outside the node: it stopped as well, so it never takes note of the
// component's end, and the kernel keeps the node's namespaces until it does.
// A control group can be removed when the last of its processes is gone, which the kernel takes a moment for.
// 20 s at most: 400 tries, 50 ms apart.
const SCRIPT = `
groups=$1 roots=$2 folder=$3
pids=
while read -r verb value; do
  case $verb in
    watch) pids="$pids $value" ;;
    forget) kept=; for pid in $pids; do [ "$pid" = "$value" ] || kept="$kept $pid"; done; pids=$kept ;;
  esac
done
for pid in $pids; do kill -s KILL -- "-$pid" 2>/dev/null; done
for entry in /proc/[0-9]*; do
  case $(tr '\\0' ' ' 2>/dev/null < "$entry/cmdline") in
    "nsenter "*"$folder/"*) kill -s KILL "\${entry#/proc/}" 2>/dev/null ;;
  esac
done
tries=0
while [ $tries -lt 400 ]; do
  left=
  for pid in $pids; do kill -s 0 -- "-$pid" 2>/dev/null && left=yes; done
  if [ -z "$left" ]; then
    for root in $roots; do for group in "$root/$groups"*; do
      [ -d "$group" ] || continue
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
      [ -d "$group" ] && left=yes
    done; done
  fi
  [ -n "$left" ] || break
  sleep 0.05; tries=$((tries + 1))
done
rm -rf -- "$folder"
[ $tries -lt 400 ]
`;

export interface ClusterGuardOptions {
  /** How the names of the cluster's control groups begin. */
  readonly controlGroups: string;
  /** Where they lie; no spaces. */
  readonly controlGroupRoots: readonly string[];
  /** Removed with all that is in it. */
  readonly folder: string;
}

export function startClusterGuard({ controlGroups, controlGroupRoots, folder }: ClusterGuardOptions): ClusterGuard {
  const parameters = [controlGroups, controlGroupRoots.join(' '), folder];
  const { shell, pipe } = startGuardShell('mcp2-cluster-guard', SCRIPT, parameters);
  return {
    watch: (pid) => void pipe.write(`watch ${pid}\n`),
    forget: (pid) => void pipe.write(`forget ${pid}\n`),
    [Symbol.asyncDispose]: () => end(shell, folder),
  };
}

/** Works once; a second call finds the shell gone. */
async function end(shell: ChildProcess, folder: string): Promise<void> {
  if (shell.exitCode !== null) return;
  shell.ref();
  const exited = once(shell, 'exit');
  shell.stdin?.end();
  const [code] = (await exited) as [number | null];
  if (code !== 0) throw new Error(`something of the cluster in ${folder} did not go away within 20 s`);
}
