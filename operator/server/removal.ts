/**
 * Takes every record of one resource out of Discovery, and is sure of it: what the store itself says counts.
 */
import type { Keys } from '#lib/store/keys.ts';
import type { Owner } from '#lib/store/owner.ts';
import { decodeServerRecord, sameOwner } from '#lib/store/servers.ts';
import type { Revision, Store } from '#lib/store/store.ts';
import type { Mirror } from '../discovery/mirror.ts';
import type { RecordWriter } from '../discovery/writer.ts';
import { settle } from './settle.ts';

export interface RemovalParts {
  readonly store: Store;
  readonly keys: Keys;
  readonly mirror: Mirror;
  readonly writer: RecordWriter;
}

export interface Removal {
  readonly owner: Owner;
  /** The name that the resource asks for, when that can be told: its record may be newer than the mirror. */
  readonly serverName: string | undefined;
  readonly knownRevision: Revision | undefined;
}

/** Records of others are left alone. @throws FencedError, KeyContendedError, ServiceError of the store. */
export async function removeRecords(
  { store, keys, mirror, writer }: RemovalParts,
  { owner, serverName, knownRevision }: Removal,
): Promise<void> {
  const found = new Set(
    [...mirror.all()].filter(({ record }) => record && sameOwner(record.owner, owner)).map(({ key }) => key),
  );
  if (serverName !== undefined) found.add(keys.server(serverName));
  for (const key of found) {
    const { entry } = await store.get(key);
    const held = entry && { modRevision: entry.modRevision, record: decodeServerRecord(entry.value) };
    await settle({ writer, key, owner, desired: undefined, held, knownRevision });
  }
}
