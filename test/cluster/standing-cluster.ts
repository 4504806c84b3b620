/**
 * One cluster that stays until `npm run cluster -- down`, for a person who wants to look around. A process in the
 * background owns it; where it is lies in a file of the cache folder.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually } from '../harness/eventually.ts';
import { cacheFolder, type Environment } from './cache.ts';
import { startCluster } from './cluster.ts';
import { ensureImageArchive, type ImageArchive } from './images.ts';

export interface StandingCluster {
  /** Of the owner. */
  readonly pid: number;
  readonly kubeconfig: string;
  readonly nodes: number;
}

export interface ServeOptions {
  readonly nodes: number;
  /** Loaded beside localhost/etcd:1. */
  readonly images: readonly ImageArchive[];
}

/** What the owner tells the command that started it. */
type Message = { readonly line: string } | { readonly ready: StandingCluster } | { readonly error: string };

/** How long `down` waits. Clean-up itself gives up after 20 s. */
const DOWN_TIMEOUT_MS = 30_000;

/** Undefined when none runs; a file that a killed owner left counts as none. */
export async function findStandingCluster(env: Environment): Promise<StandingCluster | undefined> {
  const text = await readFile(stateFile(env), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const found = JSON.parse(text) as StandingCluster;
  const isThere = await readFile(found.kubeconfig).catch(() => undefined);
  return isThere !== undefined && isAlive(found.pid) ? found : undefined;
}

/** Starts the owner, `command` with these arguments, and waits until its cluster serves. */
export async function startOwner(
  command: readonly string[],
  { env, say }: { readonly env: Environment; readonly say: (line: string) => void },
): Promise<StandingCluster> {
  // Not the terminal or pipe of the command: whoever reads that to its end would wait for the cluster's.
  await mkdir(cacheFolder(env), { recursive: true });
  const log = openSync(join(cacheFolder(env), 'cluster.log'), 'w', 0o600);
  const owner = spawn(process.execPath, command, {
    detached: true,
    env: { ...env },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const ready = await new Promise<StandingCluster>((resolve, reject) => {
    owner.on('message', (message: Message) => {
      if ('line' in message) say(message.line);
      else if ('ready' in message) resolve(message.ready);
      else reject(new Error(message.error));
    });
    owner.once('exit', (code) => reject(new Error(`the cluster's owner ended with exit code ${code}`)));
  });
  owner.disconnect();
  owner.unref();
  return ready;
}

/** The owner's life: until SIGTERM, or until the command that started it ends before the cluster serves. */
export async function serve({ nodes, images }: ServeOptions, env: Environment): Promise<void> {
  const tell = (message: Message) => void process.send?.(message);
  const abandoned = () => process.exit(1);
  process.once('disconnect', abandoned);
  try {
    const say = (line: string) => tell({ line });
    const etcd = await ensureImageArchive('localhost/etcd:1', { say });
    await using cluster = await startCluster({ nodes, images: [etcd, ...images], say });
    const standing = { pid: process.pid, kubeconfig: cluster.kubeconfig, nodes };
    await mkdir(dirname(stateFile(env)), { recursive: true });
    await writeFile(stateFile(env), JSON.stringify(standing));
    process.off('disconnect', abandoned);
    const ended = untilSignal();
    tell({ ready: standing });
    await ended;
    await rm(stateFile(env), { force: true });
  } catch (error) {
    tell({ error: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
}

/** @returns false when there is none. */
export async function stopStandingCluster(env: Environment): Promise<boolean> {
  const found = await findStandingCluster(env);
  if (found === undefined) return false;
  process.kill(found.pid, 'SIGTERM');
  await eventually(
    () => isAlive(found.pid),
    (alive) => !alive,
    { what: 'the end of the cluster', timeoutMs: DOWN_TIMEOUT_MS, intervalMs: 100 },
  );
  return true;
}

async function untilSignal(): Promise<void> {
  const alive = setInterval(() => {}, 3_600_000);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  clearInterval(alive);
}

function stateFile(env: Environment): string {
  return join(cacheFolder(env), 'cluster.json');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
