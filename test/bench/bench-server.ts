/** A server process of a benchmark: started with its configuration as an argument, ready when it prints its port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface BenchServer {
  /** host:port */
  readonly address: string;
  readonly pid: number;
  stop(): void;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** 8 MiB of young generation, as the product's image runs: at saturation the scavenges are the p99. */
const NODE_FLAGS = ['--max-semi-space-size=8'];
const START_TIMEOUT_MS = 30_000;

/** @param file Beside this one. */
export function startBenchServer(file: string, config: object): Promise<BenchServer> {
  const args = [...NODE_FLAGS, join(import.meta.dirname, file), JSON.stringify(config)];
  return startAndWait({ command: process.execPath, args });
}

/** Waits for a line that ends with a port. @throws Error with what the process said when it ends before */
export async function startAndWait({ command, args, env, cwd }: Command): Promise<BenchServer> {
  const child = spawn(command, [...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(env ? { env: { ...process.env, ...env } } : {}),
    ...(cwd ? { cwd } : {}),
  });
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  try {
    const port = await portOf(child, command);
    return { address: `127.0.0.1:${port}`, pid: child.pid ?? 0, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

function portOf(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} did not start in time`)), START_TIMEOUT_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code} before it was ready`)));
    if (!child.stdout) return;
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const port = /(\d+)$/.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      lines.removeAllListeners('line');
      child.stdout?.resume();
      resolve(Number(port));
    });
  });
}
