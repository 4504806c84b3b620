/**
 * A compare-and-write whose reply may get lost: tells "we wrote it" from "somebody else did".
 *
 * The naive ways are both wrong. Trying again answers a conflict although our value is stored; giving up leaves the
 * caller without knowing. Trying again and, when the compare is lost, looking at what the keys hold answers exactly:
 * the compare makes a second application impossible, whichever of the attempts arrives first or last.
 *
 * A conflict on the first attempt is always somebody else's, even if the values are equal: nothing of ours was sent
 * before. After a lost reply equal values are ours, so values should name their writer, as every record here does.
 */
import type { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import type { Compare, Entry, Revision, Store, WriteOperation } from './store.ts';

export interface WriteThroughOptions {
  readonly store: Pick<Store, 'transact'>;
  readonly clock: Clock;
  /** Between attempts; a new one for each call. */
  readonly backoff: Backoff;
  /** Default 4. */
  readonly maxAttempts?: number;
  readonly signal?: AbortSignal;
}

export interface GuardedWrite {
  /** Exactly one for each key that is written, and any number for keys that only guard. */
  readonly compares: readonly Compare[];
  readonly writes: readonly WriteOperation[];
}

export type WriteThroughResult =
  | { readonly kind: 'written'; readonly revision: Revision }
  /** A compare was lost to somebody else; `current` is what the keys of all compares hold. */
  | { readonly kind: 'conflict'; readonly revision: Revision; readonly current: ReadonlyMap<string, Entry> };

/**
 * @throws ServiceError STORE_UNAVAILABLE when no attempt was answered: the write may have been applied
 * @throws TypeError when a key is written without a compare
 */
export async function writeThrough(options: WriteThroughOptions, write: GuardedWrite): Promise<WriteThroughResult> {
  const { store, clock, backoff, maxAttempts = 4, signal } = options;
  const keys = write.compares.map(({ key }) => key);
  if (write.writes.some(({ key }) => !keys.includes(key))) throw new TypeError('each key written needs a compare');
  const transaction = { ...write, readOnFailure: keys };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await store.transact(transaction);
      if (result.succeeded) return { kind: 'written', revision: result.revision };
      const revision = attempt > 1 ? revisionOfOurs(write, result) : undefined;
      if (revision !== undefined) return { kind: 'written', revision };
      return { kind: 'conflict', revision: result.revision, current: result.current };
    } catch (error) {
      if (!hasReason(error, 'STORE_UNAVAILABLE') || attempt >= maxAttempts || signal?.aborted) throw error;
    }
    await clock.sleep(backoff.nextMs(), signal);
  }
}

/**
 * The revision of our write when the keys show that it was applied, and nothing was since.
 *
 * A guard that moved decides against it even if our values are there: whoever moved it took over from us.
 */
function revisionOfOurs(
  { compares, writes }: GuardedWrite,
  { current, revision }: { current: ReadonlyMap<string, Entry>; revision: Revision },
): Revision | undefined {
  const written = new Map(writes.map((write) => [write.key, write]));
  const asWeLeftIt = compares.every(({ key, modRevision }) => {
    const write = written.get(key);
    const entry = current.get(key);
    if (write === undefined) return (entry?.modRevision ?? 0) === modRevision;
    return holds(entry, write);
  });
  if (!asWeLeftIt) return undefined;
  const revisions = new Set(
    writes.flatMap(({ kind, key }) => (kind === 'put' ? (current.get(key)?.modRevision ?? []) : [])),
  );
  const [ours = revision] = revisions;
  return revisions.size <= 1 ? ours : undefined;
}

function holds(entry: Entry | undefined, write: WriteOperation): boolean {
  if (write.kind === 'delete') return entry === undefined;
  return entry !== undefined && entry.value === write.value && entry.leaseId === write.leaseId;
}
