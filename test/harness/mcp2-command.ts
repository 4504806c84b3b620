/**
 * The `mcp2` command as people run it: through its launcher, in a process of its own, with a state folder of its own.
 */

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePorts } from './ports.ts';
import { createWorkspace, type Exit, ManagedProcess, type Workspace } from './processes.ts';

/** The configurations that `mcp2 up` runs when it is told of no others. */
export const INVENTORY = join(import.meta.dirname, '../../examples/inventory');
export const LAUNCHER = join(import.meta.dirname, '../../cli/mcp2.mjs');

/** Arguments of Node that make it believe to be an older one. */
export const AS_OLDER_NODE: readonly string[] = [
  '--import',
  'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.11.0" })',
];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** `--state` of every command, through MCP2_STATE. */
  readonly state: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly launcher?: string;
  /** Ends the command (SIGTERM) once it has printed this, for one that would go on for ever. */
  readonly killAfter?: string;
  /** Default: that of the test. */
  readonly cwd?: string;
  /** SIGKILL after so long; the code is then null. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end. */
export async function runMcp2(
  args: readonly string[],
  { state, env = {}, input, launcher = LAUNCHER, killAfter, cwd, timeoutMs }: RunOptions,
): Promise<Ended> {
  const child = spawn(process.execPath, [launcher, ...args], {
    env: { PATH: process.env.PATH, HOME: state, MCP2_STATE: state, ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' as const }),
  });
  child.stdin?.on('error', () => undefined); // It ended without reading all of it.
  child.stdin?.end(input);
  child.stdout?.on('data', (chunk) => {
    if (killAfter !== undefined && String(chunk).includes(killAfter)) child.kill('SIGTERM');
  });
  const ended = Promise.withResolvers<number | null>();
  child.once('error', ended.reject);
  child.once('exit', (code) => ended.resolve(code));
  const [code, stdout, stderr] = await Promise.all([
    ended.promise,
    text(child.stdout as NonNullable<typeof child.stdout>),
    text(child.stderr as NonNullable<typeof child.stderr>),
  ]);
  return { code, stdout, stderr };
}

/** Starts a command that goes on until it is ended; `log()` has what it printed, stdout and stderr as they came. */
export async function startMcp2(
  args: readonly string[],
  { state, ready }: { readonly state: string; readonly ready?: (output: string) => boolean },
): Promise<ManagedProcess> {
  const started = new ManagedProcess({
    name: `mcp2-${args[0]}`,
    command: process.execPath,
    args: [LAUNCHER, ...args],
    env: { PATH: process.env.PATH, HOME: state, MCP2_STATE: state },
    ready: async () => ready === undefined || ready(await started.log()),
  });
  await started.start();
  return started;
}

interface StandaloneParts {
  readonly workspace: Workspace;
  /** Of the registry, of a server and of the event bus. */
  readonly ports: readonly number[];
  readonly args: readonly string[];
  readonly launcher: string;
  readonly nodeArgs: readonly string[];
  readonly state: string;
}

export interface StandaloneOptions {
  /** Default: `stateName` in its workspace. */
  readonly state?: string;
  /** Default "state". */
  readonly stateName?: string;
  /** More arguments of `mcp2 up`. */
  readonly args?: readonly string[];
  /** Default: that of the checkout. */
  readonly launcher?: string;
  /** Of the Node that runs the launcher. */
  readonly nodeArgs?: readonly string[];
}

/** A `mcp2 up` with ports, files and a state folder of its own. */
export class Standalone implements AsyncDisposable {
  readonly state: string;
  /** The folder that it reads; write YAML files into it. */
  readonly files: string;
  readonly port: number;
  /** Free for the inventory, or for a server of the test. */
  readonly serverPort: number;
  readonly busPort: number;
  readonly #process: ManagedProcess;
  #starts = 0;

  constructor({ workspace, ports, args, launcher, nodeArgs, state }: StandaloneParts) {
    const [port = 0, serverPort = 0, busPort = 0] = ports;
    this.state = state;
    this.files = join(workspace.folder, 'files');
    this.port = port;
    this.serverPort = serverPort;
    this.busPort = busPort;
    mkdirSync(this.files);
    const named = ['--files', this.files, '--state', this.state];
    const portOf = (option: string, number: number) => (args.includes(option) ? [] : [option, String(number)]);
    const portArgs = [...portOf('--port', port), ...portOf('--bus-port', busPort)];
    this.#process = new ManagedProcess(
      {
        name: 'mcp2-up',
        command: process.execPath,
        args: [...nodeArgs, launcher, 'up', ...named, ...portArgs, ...args],
        env: { PATH: process.env.PATH, HOME: workspace.folder },
        ready: async () => (await this.output()).split('Ctrl-C ends').length > this.#starts,
      },
      workspace,
    );
  }

  /** @throws Error with what it printed when it ends before it is ready. */
  async start(): Promise<void> {
    this.#starts += 1;
    try {
      await this.#process.start();
    } catch (error) {
      this.#starts -= 1; // It never said that it is ready.
      throw error;
    }
  }

  /** Everything that it printed, over all its starts. */
  output(): Promise<string> {
    return this.#process.log();
  }

  /** One Ctrl-C. */
  interrupt(): Promise<Exit> {
    return this.send('SIGINT');
  }

  /** @returns how it ended. */
  send(signal: NodeJS.Signals): Promise<Exit> {
    return this.#process.send(signal);
  }

  kill(): Promise<Exit> {
    return this.#process.kill();
  }

  /** Another command with the same state folder. */
  run(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Ended> {
    return runMcp2(args, { state: this.state, ...options });
  }

  /** A file that names one server, at `serverPort` or the given port. */
  writeServer(file: string, { name, serverName, port = this.serverPort }: ServerFile): void {
    writeFileSync(join(this.files, file), serverYaml({ name, serverName, port }));
  }

  /** InventoryDB_Primary of examples/inventory, at `serverPort`; its resource is inventorydb-primary. */
  writeInventory(): void {
    const names = readdirSync(INVENTORY).filter((name) => name.endsWith('.sql'));
    for (const name of names) copyFileSync(join(INVENTORY, name), join(this.files, name));
    const configuration = readFileSync(join(INVENTORY, 'inventory.yaml'), 'utf8');
    writeFileSync(join(this.files, 'inventory.yaml'), `listen: 127.0.0.1:${this.serverPort}\n${configuration}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill();
  }
}

export interface ServerFile {
  readonly name: string;
  readonly serverName: string;
  readonly port?: number;
}

/** Not started yet: write its files first. */
export async function createStandalone(options: StandaloneOptions = {}): Promise<Standalone> {
  const { args = [], launcher = LAUNCHER, nodeArgs = [], stateName = 'state' } = options;
  const workspace = createWorkspace('standalone');
  const state = options.state ?? join(workspace.folder, stateName);
  return new Standalone({ workspace, ports: await freePorts(3), args, launcher, nodeArgs, state });
}

export function serverYaml({ name, serverName, port }: Required<ServerFile>): string {
  return `apiVersion: mcp2.dev/v1alpha1
kind: Mcp2Server
metadata:
  name: ${name}
spec:
  serverName: ${serverName}
  source: {address: "grpc://127.0.0.1:${port}"}
  tls: {mode: Disabled}
  capabilities:
    - name: db:inventory:read
    - name: tool:compute_pricing
  readiness:
    minReadySeconds: 0
    probe: {intervalSeconds: 5, timeoutSeconds: 2, failureThreshold: 1, successThreshold: 1}
  registration:
    tags: {region: local}
`;
}
