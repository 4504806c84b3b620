/** Tool modules as the runtime starts them, and what a test wants to see of them: answers, reasons, processes, log lines. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { type Logger, silentLogger } from '#lib/logger.ts';
import type { JsonObject, ToolAnswer, ToolCall } from '#sdk/server/declaration.ts';
import type { ModuleConfig } from '../../../services/context-tool/config/runtime-config.ts';
import { createModuleMetrics } from '../../../services/context-tool/modules/metrics.ts';
import { createModules, type Modules, type ModulesOptions } from '../../../services/context-tool/modules/modules.ts';
import { findLimits, type ProcessLimits } from '../../../services/context-tool/modules/process-limits.ts';
import { eventually } from '../../harness/eventually.ts';

export const FOLDER = import.meta.dirname;

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface TestModules extends Modules, AsyncDisposable {
  /** Calls a function of a module. */
  call(module: Partial<ModuleConfig>, args?: JsonObject, call?: Partial<ToolCall>): Promise<ToolAnswer>;
  readonly lines: readonly LogLine[];
  /** "name{labels}" to value, of those that are not 0. */
  metrics(): Promise<Readonly<Record<string, number>>>;
}

export async function startModules(options: Partial<ModulesOptions> = {}): Promise<TestModules> {
  const lines: LogLine[] = [];
  const registry = new Registry();
  const modules = createModules({
    limits: options.limits ?? (await findLimits()),
    clock: systemClock,
    log: recordingLogger(lines),
    metrics: createModuleMetrics(registry),
    ...options,
  });
  return {
    ...modules,
    lines,
    call: async (module, args = {}, call = {}) => modules.tool(moduleConfig(module))(args, toolCall(call)),
    metrics: async () => valuesOf(await registry.getMetricsAsJSON()),
    [Symbol.asyncDispose]: () => modules.close(AbortSignal.abort()),
  };
}

export function moduleConfig(module: Partial<ModuleConfig> = {}): ModuleConfig {
  return {
    file: join(FOLDER, 'tools.mjs'),
    export: 'default',
    timeoutMs: 10_000,
    memoryBytes: 64 * 1024 * 1024,
    processes: 2,
    native: false,
    place: { file: 'inventory.yaml', line: 3, column: 5, path: 'tools[0].module' },
    ...module,
  };
}

export const mistake = (name: string): Partial<ModuleConfig> => ({ file: join(FOLDER, 'mistakes.mjs'), export: name });

export function toolCall(call: Partial<ToolCall> = {}): ToolCall {
  return {
    caller: { iss: 'mcp2:test', sub: 'default.agent' },
    signal: new AbortController().signal,
    deadlineMs: systemClock.nowMs() + 60_000,
    log: silentLogger,
    invocationId: 'run-1',
    idempotencyKey: undefined,
    keyed: undefined,
    warn: () => undefined,
    ...call,
  };
}

/** The answer as text, for comparing. */
export function shown(answer: ToolAnswer): unknown {
  if (!answer.success) return answer;
  return Object.fromEntries(Object.entries(answer.outputs).map(([key, bytes]) => [key, bytes.toString()]));
}

/** @throws Error when the call was answered. */
export async function failureOf(answer: Promise<ToolAnswer>): Promise<ServiceError> {
  const error = await answer.then(
    (value) => new Error(`was answered: ${JSON.stringify(shown(value))}`),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ServiceError) return error;
  throw error;
}

export const withoutTools: ProcessLimits = { prlimit: undefined, setpriv: undefined, procfs: undefined };

/** Every process whose parent is `owner`, zombies too: "Z" is their state. */
export function childProcesses(
  owner: number,
): { readonly pid: number; readonly state: string; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, state = '', parent] = /\) (\S) (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
        if (Number(parent) !== owner) return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(pid), state, command }];
      } catch {
        return [];
      }
    });
}

/** One that is just ending has no command line any more. */
export const moduleProcesses = (owner = process.pid) =>
  childProcesses(owner).filter(({ state, command }) => state === 'Z' || /^$|\/modules\/child\/main\./.test(command));

/** Also for those that the kernel still holds as zombies. */
export async function untilNoProcessIsLeft(): Promise<void> {
  await eventually(moduleProcesses, (left) => left.length === 0, { what: 'the end of every child process' });
}

export function recordingLogger(lines: LogLine[]): Logger {
  return pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line) as LogLine) });
}

interface MetricValues {
  readonly name: string;
  readonly values: readonly { readonly value: number; readonly labels: object }[];
}

function valuesOf(metrics: readonly MetricValues[]): Record<string, number> {
  const entries = metrics.flatMap(({ name, values }) =>
    values.map(({ value, labels }): [string, number] => [`${name}{${Object.values(labels).join(',')}}`, value]),
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== 0));
}
