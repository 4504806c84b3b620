/**
 * The oracle of the faults on a cluster: resources, EndpointSlices, records in etcd and statuses, as the oracle of
 * test/harness compares them, and besides what every single registry pod answers.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { connectEtcd } from '#lib/store/etcd/connect-files.ts';
import { createKeys } from '#lib/store/keys.ts';
import { decodeServerRecord, HEALTHS } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { eventually } from '../../harness/eventually.ts';
import type { KubeClient } from '../../harness/kube-client.ts';
import { isClean, type RegistrationDiff, registrationDiff } from '../../harness/registration-diff.ts';
import type { Traffic } from '../../harness/traffic.ts';

export interface AgreementInput {
  readonly cluster: Cluster;
  readonly kube: KubeClient;
  readonly traffic: Traffic;
  readonly namespace: string;
  readonly fullname: string;
  readonly installation: string;
}

const REGISTRY_PORT = 50050;

/** Pause the changes for it. @throws Error with the last difference. */
export async function untilAgreement(input: AgreementInput, timeoutMs: number): Promise<void> {
  await using stores = new ForwardedEtcd(input);
  const read = async () => compare(input, await stores.open());
  await eventually(read, isClean, { timeoutMs, intervalMs: 500, what: 'agreement of everything' });
}

async function compare(input: AgreementInput, store: Store): Promise<RegistrationDiff> {
  const { kube, installation } = input;
  const diff = await registrationDiff({ kube, store, installation });
  if (!isClean(diff)) return diff;
  const expected = await endpointsOf(store);
  const answers = await lookUpEverywhere(input);
  const missing: string[] = [];
  const stale: string[] = [];
  for (const { pod, endpoints, isStale } of answers) {
    missing.push(
      ...expected.filter((line) => !endpoints.includes(line)).map((line) => `${pod} does not answer ${line}`),
    );
    stale.push(...endpoints.filter((line) => !expected.includes(line)).map((line) => `${pod} answers ${line}`));
    if (isStale) stale.push(`${pod} calls its answer stale`);
  }
  if (answers.length === 0) missing.push('no registry pod is ready');
  return { ...diff, missing, stale };
}

/** "name url health" of every endpoint that a record holds. */
async function endpointsOf(store: Store): Promise<string[]> {
  const { entries } = await store.list(createKeys().servers);
  return entries
    .flatMap(({ value }) => {
      const record = decodeServerRecord(value);
      return record?.endpoints.map(({ url, health }) => `${record.name} ${url} ${health}`) ?? [];
    })
    .sort();
}

async function lookUpEverywhere({ cluster, namespace, fullname, traffic }: AgreementInput) {
  const selector = `app.kubernetes.io/instance=${fullname},app.kubernetes.io/component=registry`;
  const { items } = JSON.parse(await cluster.kubectl('get', 'pods', '-n', namespace, '-l', selector, '-o', 'json'));
  const ready = (items as Pod[]).filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
  );
  const query = { capability_filter: ['db:inventory:read'], include_unhealthy: true };
  return Promise.all(
    ready.map(async ({ metadata, status }) => {
      const answer = await traffic.lookup(query, `${status.podIP}:${REGISTRY_PORT}`);
      const endpoints = answer.endpoints.map(
        ({ server_name, grpc_url, health }) => `${server_name} ${grpc_url} ${HEALTHS[health]}`,
      );
      return { pod: metadata.name, endpoints, isStale: answer.stale };
    }),
  );
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** etcd as its root, through a port-forward that is made anew when it broke: members go away in these tests. */
class ForwardedEtcd implements AsyncDisposable {
  readonly #input: AgreementInput;
  #store: Store | undefined;
  #cleanUp = new AsyncDisposableStack();

  constructor(input: AgreementInput) {
    this.#input = input;
  }

  async open(): Promise<Store> {
    if (this.#store !== undefined && (await answers(this.#store))) return this.#store;
    await this[Symbol.asyncDispose]();
    this.#cleanUp = new AsyncDisposableStack();
    this.#store = await this.#connect();
    return this.#store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store = undefined;
    await this.#cleanUp.disposeAsync();
  }

  async #connect(): Promise<Store> {
    const { cluster, kube, namespace, fullname } = this.#input;
    const name = `${fullname}-setup-etcd-tls`;
    const { data } = await kube.get({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace } });
    const folder = await mkdtemp(join(tmpdir(), 'mcp2-etcd-'));
    this.#cleanUp.defer(() => rm(folder, { recursive: true, force: true }));
    const write = async (file: string) => {
      await writeFile(join(folder, file), Buffer.from(data[file], 'base64'), { mode: 0o600 });
      return join(folder, file);
    };
    const tls = {
      caFile: await write('ca.crt'),
      certificateFile: await write('tls.crt'),
      keyFile: await write('tls.key'),
    };
    const forward = this.#cleanUp.use(await cluster.portForward(`service/${fullname}-etcd`, 2379, namespace));
    const endpoints = [`https://127.0.0.1:${forward.port}`];
    const store = await connectEtcd({ endpoints, tls }, { clock: systemClock, random: Math.random, log: silentLogger });
    this.#cleanUp.defer(() => store.close());
    return store;
  }
}

function answers(store: Store): Promise<boolean> {
  return store.list(createKeys().servers).then(
    () => true,
    () => false,
  );
}
