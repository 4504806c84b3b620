/**
 * Starts a server from a configuration: databases, upstreams and modules become contexts and tools. `main.ts` and `mcp2 up`
 * share this.
 */
import type { ServiceSettings } from '#lib/service/settings.ts';
import { type RunningService, startService } from '#lib/service/start-service.ts';
import { atMost } from '#lib/time-limit.ts';
import { UserError } from '#lib/user-error.ts';
import type { Services } from '#protos/load.ts';
import { type ContextToolService, createContextToolService } from '#sdk/server/context-tool-service.ts';
import { formatRuntimeProblem } from './config/problem.ts';
import type { Problem, RuntimeConfig } from './config/runtime-config.ts';
import { createHost, type Host, type HostOptions } from './host.ts';
import { logLimits } from './modules/modules.ts';
import { InForce, type Loaded, loadConfiguration, type NotLoaded } from './runtime.ts';
import { modulesOf } from './sources.ts';

export interface ContextToolDependencies extends HostOptions {
  readonly protos: Pick<Services, 'ContextTool' | 'ServiceInfo' | 'EventBus'>;
  /** Cryptographically strong. */
  readonly randomBytes: (count: number) => Uint8Array;
}

export interface RunningContextTool extends RunningService {
  /** Puts another configuration of this server in force. @returns what is wrong with it; then nothing changed */
  replace(config: RuntimeConfig): Promise<readonly Problem[]>;
  /** Absolute paths of what the modules of the configuration that was tried last are made of. */
  moduleFiles(): readonly string[];
  /** Told when what is wrong with the files becomes something else; nothing when what is in them is in force. */
  tellProblems(problems: readonly Problem[]): void;
}

/** A configuration that cannot be served; every mistake has its line. */
export class ConfigurationRefused extends UserError {
  readonly problems: readonly Problem[];
  /** See `RunningContextTool`. */
  readonly moduleFiles: readonly string[];

  constructor({ problems, moduleFiles = [] }: Pick<NotLoaded, 'problems'> & Partial<NotLoaded>) {
    super(['the configuration has mistakes:', ...problems.map(formatRuntimeProblem)].join('\n  '));
    this.name = 'ConfigurationRefused';
    this.problems = problems;
    this.moduleFiles = moduleFiles;
  }
}

/** What a stop waits for sources to close; by then the server has drained, and nobody calls. */
const CLOSE_MS = 2_000;

/** @throws ConfigurationRefused; ListenError; ConfigError for a file of keys or TLS that cannot be used */
export async function start(
  config: RuntimeConfig,
  settings: Omit<ServiceSettings, 'logLevel'>,
  dependencies: ContextToolDependencies,
): Promise<RunningContextTool> {
  const log = dependencies.log.child({ server: config.server.name });
  const own = { ...dependencies, log };
  const host = createHost(own);
  try {
    logLimits(modulesOf(config), { limits: dependencies.limits, log });
    const loaded = await loadConfiguration(config, host, new AbortController().signal);
    if ('problems' in loaded) throw new ConfigurationRefused(loaded);
    return await serve(loaded, settings, own, host);
  } catch (error) {
    host.close();
    throw error;
  }
}

async function serve(
  loaded: Loaded,
  settings: Omit<ServiceSettings, 'logLevel'>,
  dependencies: ContextToolDependencies,
  host: Host,
): Promise<RunningContextTool> {
  const served = createContextToolService(loaded.offer, dependencies);
  const configurations = new Configurations(loaded, served, host);
  try {
    const service = await startService(dependencies, {
      name: 'context-tool',
      serverName: loaded.offer.name,
      settings,
      serve: (access) => served.serve(access),
    });
    let stopped: Promise<void> | undefined;
    const close = async (timeoutMs: number) => {
      await Promise.all([service.stop(timeoutMs), configurations.endEvents()]);
      await atMost(CLOSE_MS, configurations.close(), dependencies.clock);
      host.close();
    };
    return {
      ...service,
      replace: (config) => configurations.replace(config),
      moduleFiles: () => configurations.moduleFiles,
      tellProblems: (problems) => configurations.tellProblems(problems),
      stop(timeoutMs) {
        stopped ??= close(timeoutMs);
        return stopped;
      },
    };
  } catch (error) {
    await configurations.close();
    throw error;
  }
}

/** The one in force, and those whose last calls have not ended yet. */
class Configurations {
  readonly #served: ContextToolService;
  readonly #host: Host;
  readonly #stopping = new AbortController();
  readonly #closing = new Set<Promise<void>>();
  #inForce: InForce;
  #moduleFiles: readonly string[];

  constructor(loaded: Loaded, served: ContextToolService, host: Host) {
    this.#served = served;
    this.#host = host;
    this.#inForce = new InForce(loaded, host);
    this.#moduleFiles = loaded.sources.moduleFiles();
  }

  get moduleFiles(): readonly string[] {
    return this.#moduleFiles;
  }

  async replace(config: RuntimeConfig): Promise<readonly Problem[]> {
    const { signal } = this.#stopping;
    try {
      const loaded = await loadConfiguration(config, this.#host, signal);
      this.#moduleFiles = 'problems' in loaded ? loaded.moduleFiles : loaded.sources.moduleFiles();
      if ('problems' in loaded) return loaded.problems;
      if (signal.aborted) await loaded.sources.close(signal);
      else this.#putInForce(loaded);
      return [];
    } catch (error) {
      // Nobody waits any more for what a server becomes that ends.
      if (signal.aborted) return [];
      this.#host.log.error({ err: error }, 'a configuration could not be put in force');
      return [{ file: config.file, line: 1, column: 1, path: '', message: 'cannot be put in force; the log says why' }];
    }
  }

  tellProblems(problems: readonly Problem[]): void {
    const { log, metrics } = this.#host;
    if (problems.length === 0) {
      metrics.current();
      log.info({}, 'what is in the files is in force');
    } else metrics.refused();
    const message = 'the configuration was refused; the one before stays in force';
    for (const problem of problems) log.error({ problem: formatRuntimeProblem(problem) }, message);
  }

  endEvents(): Promise<void> {
    return this.#inForce.endEvents();
  }

  async close(): Promise<void> {
    this.#stopping.abort(new Error('the server is stopping'));
    await Promise.all([this.#inForce.close(this.#stopping.signal), ...this.#closing]);
  }

  #putInForce(loaded: Loaded): void {
    const { log, metrics } = this.#host;
    const before = this.#inForce;
    this.#inForce = new InForce(loaded, this.#host, before.endEvents());
    this.#served.replace(loaded.offer);
    metrics.applied();
    log.info({ version: loaded.offer.version }, 'another configuration is in force');
    this.#closeLater(before);
  }

  #closeLater(before: InForce): void {
    const closing = before
      .close(this.#stopping.signal)
      .catch((error: unknown) =>
        this.#host.log.error({ err: error }, 'the former configuration did not close in order'),
      )
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
