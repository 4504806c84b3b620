/**
 * The operator as a process of its own (operator/main.ts), for what one inside the test cannot show: signals, pauses,
 * exit codes. It dials for real, so its servers need gates without Handshake, or answer at a real address.
 */
import { join } from 'node:path';
import type { KubeClient } from './kube-client.ts';
import { type OperatorOptions, operatorEnvironment } from './operator-fixture.ts';
import { freePort } from './ports.ts';
import { ManagedProcess } from './processes.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'operator', 'main.ts');

export interface OperatorProcess extends AsyncDisposable {
  readonly process: ManagedProcess;
  /** POD_NAME: the beginning of its identity in the lease. */
  readonly podName: string;
  /** The value of a metric, summed over its labels; undefined when it has none yet. */
  metric(name: string): Promise<number | undefined>;
}

/** Starts it and waits until its caches are warm; it need not lead. */
export async function startOperatorProcess(options: OperatorOptions): Promise<OperatorProcess> {
  const opsPort = await freePort();
  const environment = { ...operatorEnvironment(options), MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}` };
  const podName = operatorPodName(environment);
  const url = `http://127.0.0.1:${opsPort}`;
  const managed = new ManagedProcess({
    name: podName,
    command: process.execPath,
    args: [MAIN],
    env: { PATH: process.env.PATH, ...environment },
    ready: async () => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok,
  });
  await managed.start();
  return {
    process: managed,
    podName,
    async metric(name) {
      const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2_000) })).text();
      return sumOf(text, name);
    },
    [Symbol.asyncDispose]: () => managed[Symbol.asyncDispose](),
  };
}

/**
 * An operator that is started again whenever it ends, as a kubelet does: on a busy machine a leader with a short lease
 * may lose it for real.
 */
export class OperatorPod implements AsyncDisposable {
  readonly #options: OperatorOptions;
  #current: OperatorProcess;
  #isKept = true;

  private constructor(options: OperatorOptions, current: OperatorProcess) {
    this.#options = options;
    this.#current = current;
    void this.#keep();
  }

  static async start(options: OperatorOptions): Promise<OperatorPod> {
    return new OperatorPod(options, await startOperatorProcess(options));
  }

  get current(): OperatorProcess {
    return this.#current;
  }

  /** @returns the process; from now on its end is its end. */
  leave(): OperatorProcess {
    this.#isKept = false;
    return this.#current;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()[Symbol.asyncDispose]();
  }

  async #keep(): Promise<void> {
    for (;;) {
      await this.#current.process.exited;
      if (!this.#isKept) return;
      this.#current = await startOperatorProcess(this.#options);
    }
  }
}

/** Who holds the operator's lease: the identity, or undefined when nobody does. */
export async function leaseHolder(kube: KubeClient, namespace = 'default'): Promise<string | undefined> {
  const metadata = { name: 'mcp2-operator', namespace };
  const lease = await kube.find({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata });
  return lease?.spec?.holderIdentity ?? undefined;
}

function operatorPodName({ POD_NAME = 'operator' }: Readonly<Record<string, string>>): string {
  return POD_NAME;
}

/** Of the Prometheus text format. */
function sumOf(text: string, name: string): number | undefined {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
