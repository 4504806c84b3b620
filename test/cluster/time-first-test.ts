/**
 * `npm run time:first-test`: how long the first `npm test` of a machine takes, for the figures in README. Twice, each
 * with empty caches of Go and of ours: once alone, once with the etcd and kube-apiserver of the first run as
 * KUBEBUILDER_ASSETS. Worth something only while nothing else runs on the machine.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTROL_PLANE } from './binaries.ts';
import { type Environment, planBuild } from './cache.ts';
import { runCommand } from './run-command.ts';

const ROOT = join(import.meta.dirname, '../..');

/** @returns The exit code: that of the first run that failed, or 0. */
async function timeFirstTest(folder: string, env: Environment): Promise<number> {
  const before = load();
  const alone = newMachine(join(folder, 'alone'), env);
  const first = await timeNpmTest(alone);
  if (first.code !== 0) return first.code;
  const assets = join(folder, 'assets');
  await mkdir(assets);
  const { bin } = await planBuild(CONTROL_PLANE, alone);
  for (const { name } of CONTROL_PLANE) await copyFile(join(bin, name), join(assets, name));
  const second = await timeNpmTest({ ...newMachine(join(folder, 'second'), env), KUBEBUILDER_ASSETS: assets });
  if (second.code !== 0) return second.code;
  console.log(
    [
      '',
      `the first npm test, on ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}):`,
      `  alone                    ${first.took}, caches ${await megabytes(join(folder, 'alone'))} MB`,
      `  with KUBEBUILDER_ASSETS  ${second.took}, caches ${await megabytes(join(folder, 'second'))} MB`,
      `load over the last minute: ${before} before, ${load()} after`,
    ].join('\n'),
  );
  return 0;
}

/** Nothing cached, by Go, by pip or by us; what PATH has stays, such as a Go. */
function newMachine(folder: string, env: Environment): Environment {
  return {
    ...env,
    XDG_CACHE_HOME: join(folder, 'cache'),
    GOCACHE: join(folder, 'go-build'),
    GOMODCACHE: join(folder, 'go-modules'),
    // Go makes its modules read-only, and this folder is removed.
    GOFLAGS: '-modcacherw',
    KUBEBUILDER_ASSETS: '',
  };
}

async function timeNpmTest(env: Environment): Promise<{ readonly code: number; readonly took: string }> {
  const startedMs = performance.now();
  const child = spawn('npm', ['test'], { cwd: ROOT, env: { ...env }, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  return { code: code ?? 1, took: `${Math.floor(seconds / 60)} min ${seconds % 60} s` };
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

async function megabytes(folder: string): Promise<string> {
  return (await runCommand('du', ['-sm', folder])).split(/\s/)[0] ?? '';
}

if (import.meta.main) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-first-test-'));
  process.exitCode = await timeFirstTest(folder, process.env).finally(() =>
    rm(folder, { recursive: true, force: true }),
  );
}
