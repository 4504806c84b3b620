/**
 * What every test of the operator stands on, started together: an API server of its own (an operator acts on all
 * namespaces of one), an etcd, the CRDs, keys and certificates, and operators on demand.
 */
import type { Store } from '#lib/store/store.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { eventually } from './eventually.ts';
import { type KubeApiserver, startKubeApiserver } from './kube-apiserver.ts';
import { KubeClient } from './kube-client.ts';
import { applyCrds } from './kube-setup.ts';
import {
  connectTestStore,
  createFixture,
  type Fixture,
  type OperatorOptions,
  startOperator,
  type TestOperator,
} from './operator-fixture.ts';

export interface ControlPlane extends AsyncDisposable {
  readonly apiserver: KubeApiserver;
  readonly etcd: Etcd;
  readonly fixture: Fixture;
  /** Straight to the API server and to etcd, whatever stands before them for the operator. */
  readonly kube: KubeClient;
  readonly store: Store;
  /** In this process, as the admin; stopped together with the rest. */
  startOperator(options?: Partial<OperatorOptions>): Promise<TestOperator>;
  /** As above, and waits until it leads and works. */
  startLeader(options?: Partial<OperatorOptions>): Promise<TestOperator>;
}

export interface ControlPlaneOptions {
  /** Default: one of its own. */
  readonly etcd?: Etcd;
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const [apiserver, etcd, fixture] = await Promise.all([
    startKubeApiserver(),
    options.etcd ?? startEtcd(),
    createFixture(),
  ]);
  const kube = new KubeClient(apiserver.admin);
  const store = connectTestStore(etcd.url);
  const operators: TestOperator[] = [];
  await applyCrds(kube);
  const start = async (changes: Partial<OperatorOptions> = {}) => {
    const usual = { fixture, kubeconfig: apiserver.adminKubeconfig, etcdUrl: etcd.url };
    const operator = await startOperator({ ...usual, ...changes });
    operators.push(operator);
    return operator;
  };
  return {
    apiserver,
    etcd,
    fixture,
    kube,
    store,
    startOperator: start,
    async startLeader(changes) {
      const operator = await start(changes);
      await untilLeads(store, operator.config.podName);
      return operator;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(operators.map((operator) => operator.stop()));
      await store.close();
      await kube[Symbol.asyncDispose]();
      await apiserver[Symbol.asyncDispose]();
      if (options.etcd === undefined) await etcd[Symbol.asyncDispose]();
    },
  };
}

/** Whoever took the write fence works. */
export async function untilLeads(store: Store, podName: string): Promise<void> {
  const holders = async () => (await store.list('/mcp2/v1/operators/')).entries.map(({ value }) => value);
  await eventually(holders, (names) => names.some((name) => name.startsWith(podName)), {
    what: `${podName} leads`,
    timeoutMs: 30_000,
  });
}
