/**
 * The store on etcd: npm `etcd3` for connections and messages, everything above that our own (etcd-*.ts).
 *
 * Connecting asks nothing of etcd: a component starts, and keeps running, while etcd is away.
 */
import type { Clock } from '#lib/clock.ts';
import {
  checkFromRevision,
  checkKey,
  checkLeaseId,
  checkLeaseTtl,
  checkPrefix,
  checkTransaction,
} from '../request-checks.ts';
import type { Entry, Lease, Listing, Revision, Store, Transaction, TransactionResult, WatchBatch } from '../store.ts';
import { checkOpen, EtcdCalls, toStoreError } from './calls.ts';
import { toEntry, toRevision, toTransactionResult, toTxnRequest } from './codec.ts';
import { KeepAliveStream } from './keep-alive.ts';
import { grantLease, revokeLease } from './leases.ts';
import { listPrefix } from './list.ts';
import { type EtcdTls, Members } from './members.ts';
import { Renewal } from './renewal.ts';
import { type WatchContext, watchPrefix } from './watch.ts';

export interface EtcdStoreOptions {
  /** "https://host:2379" of each member; all https or all http. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** Where newer certificates come from; closed with the store. */
  readonly renewals?: TlsRenewals;
  /** Told once of newer certificates with which etcd does not answer (yet). */
  readonly onTlsRefused?: (error: unknown) => void;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Until a member that does not answer counts as failed. Default 3000. */
  readonly attemptTimeoutMs?: number;
  /** Of a call with all its attempts. Default 6000: two members may be frozen. */
  readonly callTimeoutMs?: number;
  /** How long a watch waits for an etcd that is away before it gives up. Default 60,000. */
  readonly watchPatienceMs?: number;
}

export interface TlsRenewals {
  onChange(listener: (tls: EtcdTls) => void): void;
  close(): void;
}

/** @throws ServiceError ARGUMENT_INVALID for endpoints that cannot be; nothing is connected yet */
export function connectEtcdStore(options: EtcdStoreOptions): Store {
  return new EtcdStore(options);
}

class EtcdStore implements Store {
  readonly #members: Members;
  readonly #calls: EtcdCalls;
  readonly #keepAlives: KeepAliveStream;
  readonly #closed = new AbortController();
  readonly #renewals: TlsRenewals | undefined;
  readonly #options: Omit<WatchContext, 'members' | 'calls'>;

  constructor(options: EtcdStoreOptions) {
    const { clock, random, attemptTimeoutMs = 3_000, callTimeoutMs = 6_000, watchPatienceMs = 60_000 } = options;
    this.#options = { clock, random, attemptTimeoutMs, patienceMs: watchPatienceMs };
    this.#members = new Members(options);
    const common = { members: this.#members, clock, random, attemptTimeoutMs, closed: this.#closed.signal };
    this.#calls = new EtcdCalls({ ...common, callTimeoutMs });
    this.#keepAlives = new KeepAliveStream(clock);
    this.#renewals = options.renewals;
    const renewal = new Renewal({ ...common, onRefused: options.onTlsRefused });
    this.#renewals?.onChange((tls) => renewal.use(tls));
  }

  async get(key: string): Promise<{ entry: Entry | undefined; revision: Revision }> {
    checkKey(key);
    const request = { key: Buffer.from(key) };
    const response = await this.#answer(() =>
      this.#calls.repeat((member, options) => member.calls.kv.range(request, options)),
    );
    const [kv] = response.kvs;
    return { entry: kv && toEntry(kv), revision: toRevision(response.header.revision) };
  }

  async list(prefix: string): Promise<Listing> {
    checkPrefix(prefix);
    return this.#answer(() => listPrefix(this.#calls, prefix));
  }

  async *watch(prefix: string, fromRevision: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch, void> {
    checkOpen(this.#closed.signal);
    checkPrefix(prefix);
    checkFromRevision(fromRevision);
    yield* watchPrefix(
      { members: this.#members, calls: this.#calls, ...this.#options },
      { prefix, fromRevision, signal: AbortSignal.any([signal, this.#closed.signal]) },
    );
  }

  async transact(transaction: Transaction): Promise<TransactionResult> {
    checkTransaction(transaction);
    const request = toTxnRequest(transaction);
    const key = (transaction.compares[0] ?? transaction.writes[0])?.key ?? '/';
    const response = await this.#answer(() =>
      this.#calls.once((member, options) => member.calls.kv.txn(request, options), key),
    );
    return toTransactionResult(response);
  }

  async grantLease(ttlSeconds: number): Promise<Lease> {
    checkLeaseTtl(ttlSeconds);
    return this.#answer(() => grantLease(this.#calls, ttlSeconds));
  }

  async keepAlive(leaseId: string): Promise<boolean> {
    checkLeaseId(leaseId);
    return this.#answer(() =>
      this.#calls.repeat((member, _options, timeoutMs) => this.#keepAlives.extend(member, leaseId, timeoutMs)),
    );
  }

  async revokeLease(leaseId: string): Promise<void> {
    checkLeaseId(leaseId);
    await this.#answer(() => revokeLease(this.#calls, leaseId));
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#renewals?.close();
    this.#keepAlives.close();
    this.#members.close();
  }

  async #answer<T>(call: () => Promise<T>): Promise<T> {
    try {
      checkOpen(this.#closed.signal);
      return await call();
    } catch (error) {
      throw toStoreError(error);
    }
  }
}
