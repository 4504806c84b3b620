/**
 * Brings one key of Discovery to what is desired: plan, write, and plan again when the key moved meanwhile.
 *
 * A write whose reply was lost rejects here; the next visit plans from what the key holds by then and finds its own
 * value, so nothing is written twice and no conflict is invented.
 */

import type { Owner } from '#lib/store/owner.ts';
import { decodeServerRecord, encodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Revision } from '#lib/store/store.ts';
import type { RecordWriter } from '../discovery/writer.ts';
import { type Held, plan } from './plan.ts';

/** A key that keeps moving is somebody fighting us; the queue's backoff takes over. */
const MAX_ATTEMPTS = 5;

export type Settled =
  | { readonly kind: 'registered'; readonly revision: Revision; readonly wrote: boolean; readonly drift: boolean }
  | { readonly kind: 'absent'; readonly wrote: boolean }
  | { readonly kind: 'conflict'; readonly holder: string };

export interface SettleInput {
  readonly writer: RecordWriter;
  readonly key: string;
  readonly owner: Owner;
  readonly desired: ServerRecord | undefined;
  readonly held: Held | undefined;
  readonly knownRevision: Revision | undefined;
}

/** The key moved under every attempt; try again later. */
export class KeyContendedError extends Error {
  constructor() {
    super('the record keeps changing under us; trying again later');
    this.name = 'KeyContendedError';
  }
}

/** @throws FencedError, KeyContendedError, ServiceError of the store. */
export async function settle({ writer, key, owner, desired, held, knownRevision }: SettleInput): Promise<Settled> {
  let seen = held;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const next = plan({ desired, held: seen, owner, knownRevision });
    switch (next.action) {
      case 'keep':
        return { kind: 'registered', revision: next.revision, wrote: false, drift: false };
      case 'absent':
        return { kind: 'absent', wrote: false };
      case 'conflict':
        return { kind: 'conflict', holder: next.holder };
      default: {
        const value = next.action === 'put' ? encodeServerRecord(next.record) : undefined;
        const outcome = await writer.write({ key, expectedRevision: next.expectedRevision, value });
        if (outcome.kind === 'written') {
          if (next.action === 'delete') return { kind: 'absent', wrote: true };
          return { kind: 'registered', revision: outcome.revision, wrote: true, drift: next.drift };
        }
        const { current } = outcome;
        seen = current && { modRevision: current.modRevision, record: decodeServerRecord(current.value) };
      }
    }
  }
  throw new KeyContendedError();
}
