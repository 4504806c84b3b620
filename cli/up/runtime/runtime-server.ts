/**
 * One configuration file of the folder and the server that it makes: started when the file is first good, changed in place
 * after that, and as it was while the file is broken.
 */
import { dirname, join } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { makeFolder } from '#lib/make-folder.ts';
import { UserError } from '#lib/user-error.ts';
import type { Mcp2Server, ParseMcp2Server } from '../../../operator/server/resource.ts';
import type { FileProblem } from '../../../operator/source/resource-file.ts';
import { type Applied, ConfigFollower, type NewState } from '../../../services/context-tool/config/follow.ts';
import { formatRuntimeProblem, sentenceOf } from '../../../services/context-tool/config/problem.ts';
import type { ConfigReader } from '../../../services/context-tool/config/read-config.ts';
import type { Problem, RuntimeConfig } from '../../../services/context-tool/config/runtime-config.ts';
import type { Secrets } from '../../../services/context-tool/config/secrets.ts';
import { ConfigurationRefused, type RunningContextTool } from '../../../services/context-tool/start.ts';
import { deriveServer } from './derived-server.ts';
import type { PortBook } from './port-book.ts';

export interface RuntimeServerOptions {
  /** The folder of YAML files, absolute. */
  readonly directory: string;
  /** Below it lie the files of SQLite databases. */
  readonly databases: string;
  readonly read: ConfigReader;
  readonly secrets: Secrets;
  readonly parse: ParseMcp2Server;
  readonly ports: PortBook;
  /** @throws ConfigurationRefused; another UserError, for example that the port is in use */
  readonly start: (config: RuntimeConfig, listen: string) => Promise<RunningContextTool>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The resource or the problems are other ones. Must be quick and not throw. */
  readonly onChange: () => void;
}

export class RuntimeServer {
  /** Resolves when it is known which port it takes, if any: servers take theirs in the order of their files. */
  readonly portChosen: Promise<void>;
  /** Resolves when the file was tried once. Never rejects. */
  readonly tried: Promise<void>;
  readonly #options: RuntimeServerOptions;
  readonly #file: string;
  readonly #turn: Promise<void>;
  readonly #stopping = new AbortController();
  readonly #follower: ConfigFollower;
  #following: Promise<void> = Promise.resolve();
  #choosePort: () => void = () => undefined;
  #port: number | undefined;
  #isTried = false;
  #running: RunningContextTool | undefined;
  #resource: Mcp2Server | undefined;
  /** Of a start that failed. */
  #moduleFiles: readonly string[] = [];

  /**
   * @param file Its name in the folder.
   * @param turn Resolves when the servers before it have chosen their ports.
   */
  constructor(file: string, turn: Promise<void>, options: RuntimeServerOptions) {
    const { directory, databases, read, secrets, clock } = options;
    this.#options = options;
    this.#file = file;
    this.#turn = turn;
    this.portChosen = new Promise((resolve) => {
      this.#choosePort = resolve;
    });
    const path = join(directory, file);
    this.#follower = new ConfigFollower({
      file: path,
      read: () => read({ file: path, workingFolder: directory, sqlite: { below: databases }, secrets }),
      apply: (state) => this.#apply(state),
      moduleFiles: () => this.#running?.moduleFiles() ?? this.#moduleFiles,
      onProblems: (problems) => this.#tell(problems),
      clock,
    });
    this.tried = this.#begin();
  }

  get isTried(): boolean {
    return this.#isTried;
  }

  /** Undefined as long as it never ran. */
  get resource(): Mcp2Server | undefined {
    return this.#resource;
  }

  get problems(): readonly FileProblem[] {
    return this.#follower.problems.map((problem) => {
      const { file, line, column } = problem;
      return { file, line, column, message: sentenceOf(problem) };
    });
  }

  /** "Stock at 127.0.0.1:50061"; undefined as long as it never ran. */
  get shown(): string | undefined {
    const { spec } = this.#resource ?? {};
    return spec && `${spec.serverName} at ${spec.source.address?.replace('grpc://', '')}`;
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort();
    await this.tried;
    await this.#following;
    await this.#running?.stop(drainMs);
    if (this.#port !== undefined) this.#options.ports.giveBack(this.#port);
  }

  async #begin(): Promise<void> {
    try {
      await this.#follower.look();
      if (!this.#stopping.signal.aborted) this.#following = this.#follow();
    } catch (error) {
      this.#options.log.error({ err: error, file: this.#file }, 'a configuration is not followed any more');
    } finally {
      this.#isTried = true;
      this.#choosePort();
      this.#options.onChange();
    }
  }

  async #follow(): Promise<void> {
    try {
      await this.#follower.run(this.#stopping.signal);
    } catch (error) {
      this.#options.log.error({ err: error, file: this.#file }, 'a configuration is not followed any more');
    }
  }

  async #apply({ config }: NewState): Promise<Applied> {
    try {
      for (const database of config.databases.values())
        if (database.kind === 'sqlite') makeFolder(dirname(database.file), 0o700);
      if (this.#running !== undefined) return await this.#running.replace(config);
      await this.#startWith(config);
      return [];
    } catch (error) {
      if (error instanceof ConfigurationRefused) {
        this.#moduleFiles = error.moduleFiles;
        return error.problems;
      }
      if (!(error instanceof UserError))
        this.#options.log.error({ err: error, file: this.#file }, 'a server did not start');
      const why = error instanceof UserError ? error.message : 'it did not start, and the log says why';
      return { tryAgain: [{ file: this.#file, line: 1, column: 1, path: '', message: `${why}; it is tried again` }] };
    }
  }

  async #startWith(config: RuntimeConfig): Promise<void> {
    const { start, parse, onChange } = this.#options;
    const listen = config.listen ?? `127.0.0.1:${await this.#takePort()}`;
    this.#choosePort();
    const running = await start(config, listen);
    this.#running = running;
    await running.ready;
    const address = listen.replace(/:\d+$/, `:${running.port}`);
    this.#resource = deriveServer({ serverName: config.server.name, listen: address, file: this.#file }, parse);
    onChange();
  }

  /** The same again after a start that failed: its clients may know it. */
  async #takePort(): Promise<number> {
    await this.#turn;
    this.#port ??= await this.#options.ports.take();
    return this.#port;
  }

  #tell(problems: readonly Problem[]): void {
    const { log, onChange } = this.#options;
    if (this.#running !== undefined) this.#running.tellProblems(problems);
    else for (const problem of problems) log.error({ problem: formatRuntimeProblem(problem) }, 'a server cannot start');
    onChange();
  }
}
