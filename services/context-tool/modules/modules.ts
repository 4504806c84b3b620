/**
 * Tool modules: functions in files of the server's owner, each file in child processes of its own, so that an endless loop, a
 * leak, a crash or an exit ends one call and not the server.
 *
 * Contained against mistakes, not against malice: a child runs as the same user and reaches the same network, and Node's
 * permission model follows links out of the folder. One `createModules` belongs to one configuration; a reload makes another
 * and closes this one.
 */
import { basename } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import type { ToolDeclaration } from '#sdk/server/declaration.ts';
import type { ModuleConfig, Problem } from '../config/runtime-config.ts';
import { loadProblem, missingExport } from './load-problem.ts';
import type { ModuleMetrics } from './metrics.ts';
import { ModuleLines } from './module-lines.ts';
import { Pool } from './pool.ts';
import { describeLimits, type ProcessLimits } from './process-limits.ts';

export interface ModulesOptions {
  /** From `findLimits`, once a process. */
  readonly limits: ProcessLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ModuleMetrics;
  /** Default 60 000. */
  readonly idleMs?: number | undefined;
  /** From the start of a process to a loaded module. Default 10 000. */
  readonly loadTimeoutMs?: number | undefined;
  /** How long a call that nobody waits for may take to end by itself. Default 500. */
  readonly graceMs?: number | undefined;
}

export interface Modules {
  /** Starts nothing. Tools with one file and the same memory, processes and `native` share the file's children. */
  tool(module: ModuleConfig): ToolDeclaration['run'];
  /**
   * Loads every module that `tool` was asked for, each in a child, which then waits for calls.
   *
   * @returns one problem for each that cannot be imported or lacks its export
   * @throws the signal's reason
   */
  check(signal: AbortSignal): Promise<readonly Problem[]>;
  /** Absolute paths of the modules and what they import, as far as they were loaded. */
  files(): readonly string[];
  /** Ends children as they get idle; resolves when all are gone. @param signal Ends the rest with SHUTTING_DOWN. */
  close(signal?: AbortSignal): Promise<void>;
}

const TICK_MS = 100;
const IDLE_MS = 60_000;
const LOAD_TIMEOUT_MS = 10_000;
const GRACE_MS = 500;
/** Modules that are loaded at one time by `check`. */
const CHECKS_AT_ONCE = 2;

export function createModules(options: ModulesOptions): Modules {
  const pools = new Map<string, Pool>();
  const asked: { readonly module: ModuleConfig; readonly pool: Pool }[] = [];
  const ticker = new Ticker(options.clock, pools);
  return {
    tool(module) {
      const pool = poolOf(module);
      asked.push({ module, pool });
      const { export: name, timeoutMs } = module;
      return (args, call) => pool.run({ export: name, timeoutMs, args, call });
    },
    check: (signal) => checkAll(asked, signal),
    files: () => [...pools.values()].flatMap((pool) => pool.files),
    async close(signal) {
      await Promise.all([...pools.values()].map((pool) => pool.close(signal)));
    },
  };

  function poolOf(module: ModuleConfig): Pool {
    const key = JSON.stringify([module.file, module.memoryBytes, module.processes, module.native]);
    const pool = pools.get(key) ?? createPool(module, options, () => ticker.start());
    pools.set(key, pool);
    return pool;
  }
}

/** For the log at the start, once a process. */
export function logLimits(
  modules: readonly ModuleConfig[],
  { limits, log }: Pick<ModulesOptions, 'limits' | 'log'>,
): void {
  if (modules.length === 0) return;
  log.info({ limits: describeLimits(limits) }, 'tool modules run in child processes; these limits hold');
  const files = new Set(modules.filter(({ native }) => native).map(({ file }) => basename(file)));
  for (const module of files) log.warn({ module }, 'a tool module may load native addons, so it is not confined');
}

function createPool(module: ModuleConfig, options: ModulesOptions, onStart: () => void): Pool {
  const { limits, clock, metrics, idleMs = IDLE_MS, loadTimeoutMs = LOAD_TIMEOUT_MS, graceMs = GRACE_MS } = options;
  const { file, memoryBytes, processes, native } = module;
  const name = basename(file);
  const log = options.log.child({ module: name });
  metrics.declared(name);
  const lines = new ModuleLines({ clock, log, onDropped: (count) => metrics.dropped(name, count) });
  const settings = { idleMs, loadTimeoutMs, graceMs };
  return new Pool({
    name,
    file,
    memoryBytes,
    processes,
    native,
    limits,
    clock,
    log,
    lines,
    metrics,
    onStart,
    ...settings,
  });
}

type Asked = readonly { readonly module: ModuleConfig; readonly pool: Pool }[];

async function checkAll(asked: Asked, signal: AbortSignal): Promise<readonly Problem[]> {
  const problems: (Problem | undefined)[] = [];
  const rest = asked.entries();
  const work = async () => {
    for (const [index, { module, pool }] of rest) problems[index] = await checkOne(module, pool, signal);
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, work));
  return problems.filter((problem) => problem !== undefined);
}

async function checkOne(module: ModuleConfig, pool: Pool, signal: AbortSignal): Promise<Problem | undefined> {
  signal.throwIfAborted();
  try {
    const exports = await pool.exports(signal);
    return exports.includes(module.export) ? undefined : missingExport(module, exports);
  } catch (error) {
    if (error instanceof ServiceError && error.reason === 'MODULE_FAILED') return loadProblem(module, error.cause);
    throw error;
  }
}

/** Looks at children while there are any: memory, idleness, lines that were dropped. */
class Ticker {
  readonly #clock: Clock;
  readonly #pools: ReadonlyMap<string, Pool>;
  #isRunning = false;

  constructor(clock: Clock, pools: ReadonlyMap<string, Pool>) {
    this.#clock = clock;
    this.#pools = pools;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run().catch(() => undefined);
  }

  async #run(): Promise<void> {
    try {
      do {
        await this.#clock.sleep(TICK_MS);
        for (const pool of this.#pools.values()) pool.tick(this.#clock.monotonicMs());
      } while ([...this.#pools.values()].some(({ size }) => size > 0));
    } finally {
      this.#isRunning = false;
    }
  }
}
