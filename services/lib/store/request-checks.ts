/**
 * What every store checks before it does anything: keys, prefixes, sizes, leases' times.
 *
 * Here and not in the stores, so that both refuse the same things with the same words; a key that one of them took
 * and the other refused would make standalone mode a bad rehearsal.
 */
import { ServiceError } from '#lib/errors.ts';
import {
  KEY_PATTERN,
  MAX_KEY_BYTES,
  MAX_LEASE_TTL_SECONDS,
  MAX_TRANSACTION_BYTES,
  MAX_TRANSACTION_COMPARES,
  MAX_TRANSACTION_WRITES,
  type Revision,
  type Transaction,
  type WriteOperation,
} from './store.ts';

/** @throws ServiceError ARGUMENT_INVALID */
export function checkKey(key: string): void {
  if (key.length <= MAX_KEY_BYTES && KEY_PATTERN.test(key)) return;
  throw invalid(
    `a store key must be "/" and a segment, repeated, at most ${MAX_KEY_BYTES} characters; a segment has letters, digits and "_.@=+~-"`,
  );
}

/** @throws ServiceError ARGUMENT_INVALID */
export function checkPrefix(prefix: string): void {
  if (prefix === '/' || (prefix.endsWith('/') && prefix.length <= MAX_KEY_BYTES && isKey(prefix.slice(0, -1)))) return;
  throw invalid('a store prefix must be a key followed by "/"');
}

/** @throws ServiceError ARGUMENT_INVALID, or LIMIT_EXCEEDED when it is too large */
export function checkTransaction({ compares, writes, readOnFailure = [] }: Transaction): void {
  const keysWritten = new Set(writes.map(({ key }) => key));
  for (const key of keysWritten) checkKey(key);
  for (const key of readOnFailure) checkKey(key);
  for (const { key, modRevision } of compares) {
    checkKey(key);
    if (!Number.isSafeInteger(modRevision) || modRevision < 0) {
      throw invalid('a compared revision must be 0 (absent) or a revision that the store has told');
    }
  }
  if (keysWritten.size < writes.length) throw invalid('a transaction writes each key at most once');
  checkCount('writes', writes.length, MAX_TRANSACTION_WRITES);
  checkCount('compares', compares.length, MAX_TRANSACTION_COMPARES);
  checkCount('reads', readOnFailure.length, MAX_TRANSACTION_COMPARES);
  checkSize(writes);
}

/** @throws ServiceError ARGUMENT_INVALID */
export function checkLeaseTtl(ttlSeconds: number): void {
  if (Number.isSafeInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= MAX_LEASE_TTL_SECONDS) return;
  throw invalid(`a lease lives for 1 to ${MAX_LEASE_TTL_SECONDS} whole seconds`);
}

/** @throws ServiceError ARGUMENT_INVALID */
export function checkLeaseId(leaseId: string): void {
  if (isLeaseId(leaseId)) return;
  throw invalid('a lease id must be one that the store has granted');
}

/** @throws ServiceError ARGUMENT_INVALID */
export function checkFromRevision(revision: Revision): void {
  if (Number.isSafeInteger(revision) && revision >= 1) return;
  throw invalid('a watch begins at a revision of 1 or more');
}

/** A positive int64 in decimal, as etcd has it; the embedded store makes the same kind. */
function isLeaseId(leaseId: string): boolean {
  return /^[1-9][0-9]{0,18}$/.test(leaseId) && BigInt(leaseId) <= 0x7fff_ffff_ffff_ffffn;
}

function isKey(text: string): boolean {
  return KEY_PATTERN.test(text);
}

function checkSize(writes: readonly WriteOperation[]): void {
  let bytes = 0;
  for (const write of writes) {
    bytes += write.key.length;
    if (write.kind === 'delete') continue;
    if (!write.value.isWellFormed()) throw invalid('a stored value must be text that UTF-8 can hold');
    if (write.leaseId !== undefined) checkLeaseId(write.leaseId);
    bytes += Buffer.byteLength(write.value);
  }
  if (bytes <= MAX_TRANSACTION_BYTES) return;
  throw new ServiceError(
    'LIMIT_EXCEEDED',
    `a transaction writes at most ${MAX_TRANSACTION_BYTES} bytes; this one has ${bytes}: write less, or in parts`,
  );
}

function checkCount(what: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw new ServiceError('LIMIT_EXCEEDED', `a transaction has at most ${limit} ${what}; this one has ${count}`);
}

function invalid(message: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', message);
}
