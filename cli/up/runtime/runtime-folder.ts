/** The servers that configuration files of the folder make, all in the process of `mcp2 up`. */
import type { RuntimeFile, RuntimeFiles } from '../../../operator/source/runtime-files.ts';
import { RuntimeServer, type RuntimeServerOptions } from './runtime-server.ts';

export interface RuntimeFolderOptions extends Omit<RuntimeServerOptions, 'onChange'> {
  /** A call that is running when its file goes may take so long. */
  readonly drainMs: number;
}

export class RuntimeFolder implements RuntimeFiles {
  readonly #options: RuntimeFolderOptions;
  readonly #servers = new Map<string, RuntimeServer>();
  readonly #stopping = new Set<Promise<void>>();
  #listener: () => void = () => undefined;
  #lastTurn: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RuntimeFolderOptions) {
    this.#options = options;
  }

  follow(names: readonly string[]): void {
    if (this.#isStopped) return;
    for (const [name, server] of this.#servers) if (!names.includes(name)) this.#end(name, server);
    for (const name of names) {
      if (this.#servers.has(name)) continue;
      const server = new RuntimeServer(name, this.#lastTurn, { ...this.#options, onChange: () => this.#listener() });
      this.#lastTurn = server.portChosen;
      this.#servers.set(name, server);
    }
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(({ tried }) => tried));
  }

  /** The files that have not been tried yet. */
  get starting(): readonly string[] {
    return [...this.#servers].filter(([, { isTried }]) => !isTried).map(([name]) => name);
  }

  get(name: string): RuntimeFile | undefined {
    return this.#servers.get(name);
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  /** "Stock at 127.0.0.1:50061, Prices at 127.0.0.1:50062"; "" when there are none. */
  get shown(): string {
    return [...this.#servers.values()].flatMap(({ shown }) => shown ?? []).join(', ');
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const [name, server] of this.#servers) this.#end(name, server);
    await Promise.all(this.#stopping);
  }

  #end(name: string, server: RuntimeServer): void {
    const { log, drainMs } = this.#options;
    this.#servers.delete(name);
    const stopping = server
      .stop(drainMs)
      .catch((error: unknown) => log.error({ err: error, file: name }, 'a server did not stop in order'))
      .finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }
}
