/**
 * Between the store's words and etcd's messages: keys and values as bytes, int64 as decimal text.
 */
import { CompareResult, CompareTarget, type IEvent, type IKeyValue, type ITxnRequest, type ITxnResponse } from 'etcd3';
import type { Entry, Revision, StoreEvent, Transaction, TransactionResult, WriteOperation } from '../store.ts';

/** The first key behind all that begin with the prefix, which is ASCII. */
export function rangeEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return end;
}

/** @throws Error beyond 2^53, which no store reaches. */
export function toRevision(int64: string): Revision {
  const revision = Number(int64);
  if (!Number.isSafeInteger(revision)) throw new Error('a revision beyond 2^53 cannot be told exactly');
  return revision;
}

export function toEntry({ key, value, mod_revision, lease }: IKeyValue): Entry {
  const entry = { key: key.toString(), value: value.toString(), modRevision: toRevision(mod_revision) };
  return lease === NO_LEASE ? entry : { ...entry, leaseId: lease };
}
const NO_LEASE = '0';

export function toEvent({ type, kv }: IEvent): StoreEvent {
  // The types say "Delete", the wire's names are in capitals.
  if (type.toUpperCase() !== 'DELETE') return { kind: 'put', entry: toEntry(kv) };
  return { kind: 'delete', key: kv.key.toString(), modRevision: toRevision(kv.mod_revision) };
}

export function toTxnRequest({ compares, writes, readOnFailure = [] }: Transaction): ITxnRequest {
  return {
    compare: compares.map(({ key, modRevision }) => ({
      key: Buffer.from(key),
      target: CompareTarget.Mod,
      result: CompareResult.Equal,
      mod_revision: modRevision,
    })),
    success: writes.map(toRequestOp),
    failure: readOnFailure.map((key) => ({ request_range: { key: Buffer.from(key) } })),
  };
}

export function toTransactionResult({ succeeded, header, responses }: ITxnResponse): TransactionResult {
  const revision = toRevision(header.revision);
  if (succeeded) return { succeeded, revision };
  const entries = responses.flatMap(({ response_range }) => response_range.kvs.map(toEntry));
  return { succeeded, revision, current: new Map(entries.map((entry) => [entry.key, entry])) };
}

function toRequestOp(write: WriteOperation): NonNullable<ITxnRequest['success']>[number] {
  const key = Buffer.from(write.key);
  if (write.kind === 'delete') return { request_delete_range: { key } };
  const put = { key, value: Buffer.from(write.value) };
  return { request_put: write.leaseId === undefined ? put : { ...put, lease: write.leaseId } };
}
