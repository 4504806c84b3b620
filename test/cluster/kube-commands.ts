/**
 * kubectl and helm against one kubeconfig, with nothing of the caller's own settings and caches: neither read nor
 * written. The part of a cluster's handle that is the same for our own clusters and foreign ones.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ManagedProcess } from '../harness/processes.ts';
import type { Environment } from './cache.ts';
import { runCommand } from './run-command.ts';

export interface PortForward extends AsyncDisposable {
  /** On 127.0.0.1. */
  readonly port: number;
}

/** On every namespace that a test makes, with the run's name. */
export const RUN_LABEL = 'mcp2.dev/e2e';

export interface KubeCommandsOptions {
  readonly kubeconfig: string;
  /** For caches and logs; made when missing. */
  readonly folder: string;
  readonly binaries: { path(name: string): string };
  /** Names this run's namespaces; "mcp2-e2e-" and something random. */
  readonly run: string;
}

export class KubeCommands {
  readonly run: string;
  readonly #options: KubeCommandsOptions;

  constructor(options: KubeCommandsOptions) {
    this.#options = options;
    this.run = options.run;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.kubectlInput('', ...args);
  }

  kubectlInput(input: string, ...args: string[]): Promise<string> {
    const { kubeconfig, binaries } = this.#options;
    return runCommand(binaries.path('kubectl'), ['--kubeconfig', kubeconfig, ...args], { env: this.#env(), input });
  }

  helm(...args: string[]): Promise<string> {
    const { kubeconfig, binaries } = this.#options;
    return runCommand(binaries.path('helm'), [...args, '--kubeconfig', kubeconfig], { env: this.#env() });
  }

  async portForward(target: string, remotePort: number, namespace: string): Promise<PortForward> {
    const { kubeconfig, binaries, folder } = this.#options;
    const name = `port-forward-${randomBytes(4).toString('hex')}`;
    const log = join(folder, 'log');
    await mkdir(log, { recursive: true });
    const where = ['--kubeconfig', kubeconfig, '--namespace', namespace];
    let port: number | undefined;
    const process: ManagedProcess = new ManagedProcess(
      {
        name,
        command: binaries.path('kubectl'),
        args: [...where, 'port-forward', '--address=127.0.0.1', target, `:${remotePort}`],
        env: this.#env(),
        ready: async () => {
          // The kernel chooses the port, and this line is where kubectl tells it.
          port = Number(/^Forwarding from 127\.0\.0\.1:(\d+) /m.exec(await process.log())?.[1] ?? 0);
          return port > 0;
        },
        readyTimeoutMs: 30_000,
      },
      // It ends by itself when its cluster does.
      { folder: log, guard: { watch: () => {}, forget: () => {} } },
    );
    await process.start();
    return { port: port as number, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
  }

  async createNamespace(suffix: string, labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = `${this.run}-${suffix}`;
    const metadata = { name, labels: { ...labels, [RUN_LABEL]: this.run } };
    await this.kubectlInput(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }), 'create', '-f', '-');
    return name;
  }

  logs(namespace: string, selector: string): Promise<string> {
    const all = ['--all-containers', '--prefix', '--tail=-1', '--max-log-requests=100', '--ignore-errors'];
    return this.kubectl('logs', '--namespace', namespace, '--selector', selector, ...all);
  }

  /** What kubectl can tell of the whole cluster, a file a question. A question that fails leaves its error. */
  async keepLogs(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    const questions: Readonly<Record<string, string[]>> = {
      'get-all.txt': ['get', 'all', '-A', '-o', 'wide'],
      'nodes.txt': ['describe', 'nodes'],
      'pods.txt': ['describe', 'pods', '-A'],
      'events.txt': ['get', 'events', '-A', '--sort-by=.lastTimestamp'],
      'mcp2servers.yaml': ['get', 'mcp2servers', '-A', '-o', 'yaml'],
      'volumes.txt': ['get', 'persistentvolumes,persistentvolumeclaims', '-A'],
    };
    const save = async (file: string, args: string[]) =>
      writeFile(join(folder, file), await this.#ask(args).catch((error: unknown) => String(error)));
    await Promise.all(Object.entries(questions).map(([file, args]) => save(file, args)));
    const template = '{range .items[*]}{.metadata.namespace} {.metadata.name}{"\\n"}{end}';
    const pods = await this.#ask(['get', 'pods', '-A', '-o', `jsonpath=${template}`]).catch(() => '');
    for (const line of pods.split('\n').filter((text) => text.includes(' '))) {
      const [namespace = '', pod = ''] = line.split(' ');
      const args = ['logs', '--namespace', namespace, pod, '--all-containers', '--prefix', '--tail=20000'];
      await save(`${namespace}_${pod}.log`, args);
      const previous = await this.#ask([...args, '--previous']).catch(() => '');
      if (previous !== '') await writeFile(join(folder, `${namespace}_${pod}.previous.log`), previous);
    }
  }

  #ask(args: string[]): Promise<string> {
    return this.kubectl(...args, '--request-timeout=10s');
  }

  #env(): Environment {
    const { folder } = this.#options;
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(KUBE|HELM_)/.test(name)));
    return {
      ...own,
      KUBECACHEDIR: join(folder, 'kube-cache'),
      HELM_CACHE_HOME: join(folder, 'helm', 'cache'),
      HELM_CONFIG_HOME: join(folder, 'helm', 'config'),
      HELM_DATA_HOME: join(folder, 'helm', 'data'),
    };
  }
}

export function newRunName(): string {
  return `mcp2-e2e-${randomBytes(4).toString('hex')}`;
}
