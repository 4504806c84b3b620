/** The context-tool as a process of its own, as a pod runs it, with a folder of files that it follows. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ContextToolCalls, openCalls, type Texts } from './context-tool-calls.ts';
import { freePorts } from './ports.ts';
import { createWorkspace, ManagedProcess } from './processes.ts';
import { createTokens, ISSUER, type TestTokens } from './registry-fixture.ts';

export type LogLine = Readonly<Record<string, unknown>>;

export interface ContextToolProcess extends AsyncDisposable {
  readonly process: ManagedProcess;
  readonly folder: string;
  readonly port: number;
  readonly opsPort: number;
  readonly calls: ContextToolCalls;
  readonly tokens: TestTokens;
  /** From the start of the process until /readyz said yes. */
  readonly startMs: number;
  write(name: string, text: string): void;
  /** Of /metrics, without `labels` the first series; undefined when there is none. */
  metric(name: string, labels?: Texts): Promise<number | undefined>;
  /** Lines with this message. */
  logged(message: string): Promise<readonly LogLine[]>;
}

export interface ProcessSetup {
  /** By name; server.yaml is the configuration. */
  readonly files: Texts;
  /** Default: a folder of its own. */
  readonly folder?: string;
  /** Default: "Stock". */
  readonly serverName?: string;
  readonly env?: Texts;
}

const MAIN = join(import.meta.dirname, '../../services/context-tool/main.ts');

export async function startContextTool(setup: ProcessSetup): Promise<ContextToolProcess> {
  const { files, folder = createWorkspace('runtime').folder, serverName = 'Stock', env = {} } = setup;
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const [port = 0, opsPort = 0] = await freePorts(2);
  const tokens = await createTokens();
  const ops = (path: string) => fetch(`http://127.0.0.1:${opsPort}${path}`);
  const process = new ManagedProcess({
    ...command(folder),
    env: { ...settings(folder, tokens), ...addresses(port, opsPort), ...env },
    ready: async () => (await ops('/readyz')).ok,
  });
  const beganMs = performance.now();
  await process.start();
  const startMs = performance.now() - beganMs;
  const calls = await openCalls(`127.0.0.1:${port}`, serverName, tokens);
  return {
    ...{ process, folder, port, opsPort, calls, tokens, startMs, write },
    metric: async (name, labels) => seriesValue(await (await ops('/metrics')).text(), name, labels),
    logged: async (message) => linesOf(await process.log()).filter(({ msg }) => msg === message),
    async [Symbol.asyncDispose]() {
      calls[Symbol.dispose]();
      await process[Symbol.asyncDispose]();
    },
  };
}

export interface Ended {
  readonly code: number;
  readonly stderr: string;
}

/** How the process ends whose start fails. */
export async function endOfContextTool({ files, env = {} }: Pick<ProcessSetup, 'files' | 'env'>): Promise<Ended> {
  const { folder } = createWorkspace('runtime');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const tokens = await createTokens();
  const options = {
    cwd: folder,
    env: { ...settings(folder, tokens), MCP2_LOG_LEVEL: 'silent', ...env },
    timeout: 60_000,
  };
  const ended = await promisify(execFile)(process.execPath, [MAIN], options).catch((error: unknown) => error);
  const { code = 0, stderr } = ended as Ended;
  return { code, stderr };
}

function command(folder: string) {
  return { name: 'context-tool', command: process.execPath, args: [MAIN], cwd: folder };
}

function settings(folder: string, tokens: TestTokens): Texts {
  return {
    MCP2_LISTEN: '127.0.0.1:0',
    MCP2_CONTEXT_TOOL_CONFIG: join(folder, 'server.yaml'),
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_FILE: tokens.jwksFile,
  };
}

function addresses(port: number, opsPort: number): Texts {
  return { MCP2_LISTEN: `127.0.0.1:${port}`, MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}` };
}

function seriesValue(text: string, name: string, labels: Texts = {}): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text
    .split('\n')
    .find((one) => /^[^{ ]*/.exec(one)?.[0] === name && wanted.every((label) => one.includes(label)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
}

/** What a child or Node itself wrote beside the log is left out. */
function linesOf(log: string): readonly LogLine[] {
  return log.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return [];
    }
  });
}
