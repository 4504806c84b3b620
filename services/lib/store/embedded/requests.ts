/** What is said between the embedded store and its worker. All of it is plain data. */
import type { Entry, Revision, Transaction, TransactionResult, WatchBatch } from '../store.ts';
import type { SentError, SentRefusal, StorePlace } from './errors.ts';
import type { LogBounds } from './log.ts';

export type StoreRequest =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'list'; readonly prefix: string }
  | { readonly kind: 'page'; readonly prefix: string; readonly fromRevision: Revision }
  | { readonly kind: 'transact'; readonly transaction: Transaction }
  | { readonly kind: 'grant'; readonly leaseId: string; readonly ttlSeconds: number }
  | { readonly kind: 'revoke'; readonly leaseId: string };

export interface StoreAnswers {
  readonly get: { readonly entry: Entry | undefined; readonly revision: Revision };
  /** The entries come before it, in parts. */
  readonly list: Revision;
  /** Undefined when the store has not got that far. */
  readonly page: WatchBatch | undefined;
  readonly transact: TransactionResult;
  readonly grant: undefined;
  /** Whether any entry went with it. */
  readonly revoke: boolean;
}

export interface Call {
  readonly id: number;
  readonly request: StoreRequest;
}

/** To the worker: the calls that were waiting, or that this was all. */
export type ToWorker = { readonly kind: 'calls'; readonly calls: readonly Call[] } | { readonly kind: 'stop' };

export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: SentError });

/** From the worker. `done` follows the last answer to the calls of one message. */
export type FromWorker =
  | { readonly kind: 'opened'; readonly leases: readonly KnownLease[] }
  | { readonly kind: 'refused'; readonly refusal: SentRefusal }
  | { readonly kind: 'part'; readonly id: number; readonly entries: readonly Entry[] }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[]; readonly isLast: boolean };

export interface KnownLease {
  readonly id: string;
  readonly ttlSeconds: number;
}

/** What the worker is started with. */
export interface WorkerSettings {
  readonly place: StorePlace;
  readonly bounds: LogBounds;
}
