/**
 * Reads and writes of one server's records in the store, for the RPCs that must see the truth and not the index.
 *
 * A write compares the revisions that its decision was made on. When they moved, the caller decides again.
 */
import { Backoff } from '#lib/backoff.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { decodeInstanceRecord, encodeInstanceRecord, type InstanceRecord } from '#lib/store/instances.ts';
import type { Keys } from '#lib/store/keys.ts';
import { decodeServerRecord, encodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Entry, Revision, Store, WriteOperation } from '#lib/store/store.ts';
import { type GuardedWrite, writeThrough } from '#lib/store/write-through.ts';
import type { HeldName } from './ownership.ts';
import type { Stored } from './registration-table.ts';

export interface RegistrationStoreOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

export interface ServerState {
  readonly held: HeldName;
  /** 0 when there is no such key. */
  readonly modRevision: Revision;
  readonly instances: readonly Stored<InstanceRecord>[];
}

export interface InstanceWrite {
  readonly record: InstanceRecord;
  readonly leaseId: string | undefined;
  /** What it replaces; undefined for a new instance. */
  readonly replaced: Stored<InstanceRecord> | undefined;
  readonly duplicates: readonly Stored<InstanceRecord>[];
  /** The server record as it was read, and as it is to be; the same hash is not written again. */
  readonly server: { readonly seen: ServerState; readonly record: ServerRecord };
}

/** A write whose reply was lost is sent once more, which also tells whether it had arrived. */
const MAX_SENDS = 2;
/** A decision made on what others change at the same time is made again at most so often. */
const MAX_ATTEMPTS = 5;

export class RegistrationStore {
  readonly #options: RegistrationStoreOptions;
  readonly #store: Store;
  readonly #keys: Keys;

  constructor(options: RegistrationStoreOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#keys = options.keys;
  }

  async readServer(serverName: string): Promise<ServerState> {
    const [{ entry }, { entries }] = await Promise.all([
      this.#store.get(this.#keys.server(serverName)),
      this.#store.list(this.#keys.instancesOf(serverName)),
    ]);
    const instances = entries.flatMap((instance) => decodeInstance(instance) ?? []);
    return { held: heldBy(serverName, entry), modRevision: entry?.modRevision ?? 0, instances };
  }

  async readInstance(serverName: string, instanceId: string): Promise<Stored<InstanceRecord> | undefined> {
    const { entry } = await this.#store.get(this.#keys.instance(serverName, instanceId));
    return entry && decodeInstance(entry);
  }

  /** One instance, and who holds the name; never the others, of which there may be a thousand. */
  async readHeldInstance(
    serverName: string,
    instanceId: string,
  ): Promise<{ readonly held: HeldName; readonly instance: Stored<InstanceRecord> | undefined }> {
    const [{ entry }, instance] = await Promise.all([
      this.#store.get(this.#keys.server(serverName)),
      this.readInstance(serverName, instanceId),
    ]);
    return { held: heldBy(serverName, entry), instance };
  }

  /** @returns the revision, or undefined when something moved since it was read. @throws LeaseGoneError */
  async writeInstance(write: InstanceWrite): Promise<Revision | undefined> {
    const { store, clock, random } = this.#options;
    const backoff = new Backoff({ baseMs: 100, capMs: 1_000, random });
    const options = { store, clock, backoff, maxAttempts: MAX_SENDS };
    const result = await writeThrough(options, this.#instanceTransaction(write));
    return result.kind === 'written' ? result.revision : undefined;
  }

  /** Replaces a record by itself with changes, on the same lease. Results as `writeInstance`. */
  async updateInstance(seen: Stored<InstanceRecord>, record: InstanceRecord): Promise<Revision | undefined> {
    const key = this.#instanceKey(record);
    const lease = seen.leaseId === undefined ? {} : { leaseId: seen.leaseId };
    const result = await this.#store.transact({
      compares: [{ key, modRevision: seen.modRevision }],
      writes: [{ kind: 'put', key, value: encodeInstanceRecord(record), ...lease }],
    });
    return result.succeeded ? result.revision : undefined;
  }

  /** @returns false when the record moved since it was read. */
  async deleteInstance({ record, modRevision }: Stored<InstanceRecord>): Promise<boolean> {
    const key = this.#instanceKey(record);
    const { succeeded } = await this.#store.transact({
      compares: [{ key, modRevision }],
      writes: [{ kind: 'delete', key }],
    });
    return succeeded;
  }

  #instanceTransaction({ record, leaseId, replaced, duplicates, server }: InstanceWrite): GuardedWrite {
    const serverKey = this.#keys.server(record.serverName);
    const key = this.#instanceKey(record);
    const writes: WriteOperation[] = [
      { kind: 'put', key, value: encodeInstanceRecord(record), ...(leaseId === undefined ? {} : { leaseId }) },
      ...duplicates.map((duplicate) => ({ kind: 'delete', key: this.#instanceKey(duplicate.record) }) as const),
    ];
    if (!isUnchanged(server)) writes.push({ kind: 'put', key: serverKey, value: encodeServerRecord(server.record) });
    return {
      compares: [
        { key: serverKey, modRevision: server.seen.modRevision },
        { key, modRevision: replaced?.modRevision ?? 0 },
        ...duplicates.map(({ record: { serverName, endpoint }, modRevision }) => ({
          key: this.#keys.instance(serverName, endpoint.instanceId),
          modRevision,
        })),
      ],
      writes,
    };
  }

  #instanceKey({ serverName, endpoint }: InstanceRecord): string {
    return this.#keys.instance(serverName, endpoint.instanceId);
  }
}

/**
 * Runs `attempt` until it settles something; undefined means that the store moved under it.
 *
 * @throws ServiceError STORE_UNAVAILABLE when others keep changing the same records
 */
export async function untilDecided<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < MAX_ATTEMPTS; i += 1) {
    const settled = await attempt();
    if (settled !== undefined) return settled;
  }
  throw new ServiceError('STORE_UNAVAILABLE', 'others keep changing this server at the same time; try again');
}

/**
 * A server without instances is written although nothing changed: the collector deletes such a record by its revision,
 * and must not delete it under an instance that has just come.
 */
function isUnchanged({ seen: { held, instances }, record }: InstanceWrite['server']): boolean {
  return typeof held === 'object' && held.record.hash === record.hash && instances.length > 0;
}

function heldBy(serverName: string, entry: Entry | undefined): HeldName {
  if (entry === undefined) return 'free';
  const record = decodeServerRecord(entry.value);
  if (record === undefined || foldServerName(record.name) !== foldServerName(serverName)) return 'unreadable';
  return { record, modRevision: entry.modRevision, leaseId: entry.leaseId };
}

function decodeInstance({ value, modRevision, leaseId }: Entry): Stored<InstanceRecord> | undefined {
  const record = decodeInstanceRecord(value);
  return record && { record, modRevision, leaseId };
}
