/**
 * Durable subscriptions in the transactions of the writer. What one group changes of one subscription is written once: a
 * delivery that was settled in the same group leaves no trace.
 */
import { ServiceError } from '#lib/errors.ts';
import type {
  DurableChanges,
  DurableKey,
  DurableRecord,
  Offset,
  ParkedDelivery,
  PendingDelivery,
} from '../event-log.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogState } from './log-state.ts';
import { type EventRow, eventChecksum, type SubscriptionRow, subscriptionChecksum } from './schema.ts';

export const MAX_PARKED = 1_000;
/** How long a subscription that nobody uses is kept, and a parked event. */
export const KEPT_MS = 7 * 24 * 3_600_000;
/** How often those are looked for. */
const SWEEP_EVERY_MS = 60_000;

interface Merged {
  position: Offset | undefined;
  readonly delivered: Map<Offset, PendingDelivery>;
  readonly settled: Set<Offset>;
  readonly parked: ParkedDelivery[];
}

export class DurableWrites {
  readonly #connection: LogConnection;
  readonly #state: LogState;
  readonly #perOwner: number;
  #merged = new Map<string, Merged>();
  #sweptAtMs: number | undefined;
  /** Counted anew after a change of them. */
  #counts: { durables: number; parked: number } | undefined;

  constructor(connection: LogConnection, state: LogState, perOwner: number) {
    this.#connection = connection;
    this.#state = state;
    this.#perOwner = perOwner;
    this.#dropDamaged();
  }

  get counts(): { readonly durables: number; readonly parked: number } {
    this.#counts ??= {
      durables: this.#connection.number('SELECT count(*) FROM subscriptions'),
      parked: this.#connection.number('SELECT count(*) FROM parked'),
    };
    return this.#counts;
  }

  /** @throws ServiceError QUOTA_EXCEEDED, FILTER_FIXED */
  create(record: Omit<DurableRecord, 'id' | 'lastUsedMs'>, id: string, nowMs: number): DurableRecord {
    const known = this.#byKey(record);
    if (known !== undefined) return sameOrFixed(toRecord(known), record);
    const { owner, name, filter, explicitAck, position } = record;
    const count = this.#connection.number('SELECT count(*) FROM subscriptions WHERE owner = ?', owner);
    if (count >= this.#perOwner) throw tooMany(this.#perOwner);
    const row = {
      id,
      owner,
      name,
      filter,
      explicit_ack: explicitAck ? 1 : 0,
      position,
      last_used: nowMs,
      last_parked: 0,
    };
    this.#connection.run(
      'INSERT INTO subscriptions (id, owner, name, filter, explicit_ack, position, last_used, last_parked, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...Object.values(row),
      subscriptionChecksum(row),
    );
    this.#counts = undefined;
    return { ...record, id, lastUsedMs: nowMs };
  }

  /** Written by `flush`. @returns false for one that was deleted */
  change(id: string, { position, delivered = [], settled = [], parked = [] }: DurableChanges): boolean {
    if (this.#connection.get('SELECT 1 FROM subscriptions WHERE id = ?', id) === undefined) return false;
    let merged = this.#merged.get(id);
    if (merged === undefined) {
      merged = { position: undefined, delivered: new Map(), settled: new Set(), parked: [] };
      this.#merged.set(id, merged);
    }
    merged.position = position ?? merged.position;
    for (const delivery of delivered) {
      merged.settled.delete(delivery.offset);
      merged.delivered.set(delivery.offset, delivery);
    }
    for (const offset of settled) settle(merged, offset);
    for (const one of parked) {
      merged.parked.push(one);
      settle(merged, one.offset);
    }
    return true;
  }

  /** @returns whether there was one. */
  delete(key: DurableKey): boolean {
    const row = this.#byKey(key);
    if (row === undefined) return false;
    this.#merged.delete(row.id);
    this.#remove(row.id);
    return true;
  }

  flush(nowMs: number): void {
    for (const [id, merged] of this.#merged) {
      const row = this.#connection.get<SubscriptionRow>('SELECT * FROM subscriptions WHERE id = ?', id);
      if (row !== undefined) this.#write(row, merged, nowMs);
    }
    this.#merged.clear();
  }

  /** Removes what is too old. */
  sweep(nowMs: number): void {
    if (this.#sweptAtMs !== undefined && Math.abs(nowMs - this.#sweptAtMs) < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = nowMs;
    const before = nowMs - KEPT_MS;
    const unused = this.#connection.all<{ id: string }>('SELECT id FROM subscriptions WHERE last_used < ?', before);
    for (const { id } of unused) this.#remove(id);
    if (this.#connection.run('DELETE FROM parked WHERE parked_at < ?', before) > 0) this.#counts = undefined;
  }

  rollback(): void {
    this.#merged.clear();
    this.#counts = undefined;
    this.#sweptAtMs = undefined;
  }

  #byKey({ owner, name }: DurableKey): SubscriptionRow | undefined {
    return this.#connection.get('SELECT * FROM subscriptions WHERE owner = ? AND name = ?', owner, name);
  }

  #write(row: SubscriptionRow, { position, delivered, settled, parked }: Merged, nowMs: number): void {
    const { id } = row;
    const deliver = this.#connection.statement(
      'INSERT OR REPLACE INTO deliveries (subscription, offset, attempt, not_before) VALUES (?, ?, ?, ?)',
    );
    for (const { offset, attempt, notBeforeMs } of delivered.values()) deliver.run(id, offset, attempt, notBeforeMs);
    const remove = this.#connection.statement('DELETE FROM deliveries WHERE subscription = ? AND offset = ?');
    for (const offset of settled) remove.run(id, offset);
    const next = { ...row, position: position ?? row.position, last_used: nowMs };
    for (const one of parked) next.last_parked += this.#park(id, next.last_parked + 1, one, nowMs) ? 1 : 0;
    if (next.last_parked > row.last_parked) {
      this.#connection.run(
        'DELETE FROM parked WHERE subscription = ? AND number <= ?',
        id,
        next.last_parked - MAX_PARKED,
      );
      this.#counts = undefined;
    }
    this.#connection.run(
      'UPDATE subscriptions SET position = ?, last_used = ?, last_parked = ?, crc = ? WHERE id = ?',
      next.position,
      next.last_used,
      next.last_parked,
      subscriptionChecksum(next),
      id,
    );
  }

  /** @returns whether there was something to keep. */
  #park(id: string, number: number, { offset, reason, attempts }: ParkedDelivery, nowMs: number): boolean {
    const row = this.#connection.get<EventRow>('SELECT * FROM events WHERE offset = ?', offset);
    const topic = row && this.#state.topicsById.get(row.topic);
    if (row === undefined || topic === undefined || eventChecksum(row, topic.name) !== row.crc) return false;
    this.#connection.run(
      'INSERT INTO parked (subscription, number, reason, attempts, parked_at, offset, topic, seq, prev, at, bytes, publisher, event_id, content_type, attributes, payload, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[id, number, reason, attempts, nowMs, offset, topic.name, row.seq, row.prev, row.at, row.bytes],
      ...[row.publisher, row.event_id, row.content_type, row.attributes, row.payload, row.crc],
    );
    return true;
  }

  #remove(id: string): void {
    this.#connection.run('DELETE FROM deliveries WHERE subscription = ?', id);
    this.#connection.run('DELETE FROM parked WHERE subscription = ?', id);
    this.#connection.run('DELETE FROM subscriptions WHERE id = ?', id);
    this.#counts = undefined;
  }

  /** A position that was never written could skip events: such a subscription begins anew, and the log says so. */
  #dropDamaged(): void {
    for (const row of this.#connection.all<SubscriptionRow>('SELECT * FROM subscriptions')) {
      if (row.crc === subscriptionChecksum(row)) continue;
      this.#state.warnings.push(
        `a durable subscription (${JSON.stringify(row.name)}) is not as it was written and is removed`,
      );
      this.#remove(row.id);
    }
  }
}

export function toRecord(row: SubscriptionRow): DurableRecord {
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    filter: row.filter,
    explicitAck: row.explicit_ack === 1,
    position: row.position,
    lastUsedMs: row.last_used,
  };
}

/** An earlier attempt may have a row; where there is none, deleting it writes nothing. */
function settle(merged: Merged, offset: Offset): void {
  merged.delivered.delete(offset);
  merged.settled.add(offset);
}

/** @throws ServiceError FILTER_FIXED */
function sameOrFixed(known: DurableRecord, wanted: Omit<DurableRecord, 'id' | 'lastUsedMs'>): DurableRecord {
  if (known.filter === wanted.filter && known.explicitAck === wanted.explicitAck) return known;
  throw new ServiceError(
    'FILTER_FIXED',
    `the durable subscription ${wanted.name} exists with the filter ${known.filter} and ${known.explicitAck ? 'explicit' : 'no'} acknowledgement, which do not change: use another durable_name, or delete it first`,
  );
}

function tooMany(perOwner: number): ServiceError {
  return new ServiceError(
    'QUOTA_EXCEEDED',
    `you have ${perOwner} durable subscriptions, as many as one caller may: delete one that is not needed`,
  );
}
