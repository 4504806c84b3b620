/**
 * The servers of one database, and which of them answers a read: the least busy replica that is close enough to the primary;
 * any replica while the primary cannot be reached; else the primary.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { PostgresConnection } from './connection.ts';
import { type Position, probeMember } from './member-probe.ts';
import { ConnectionPool } from './pool.ts';
import { ReplicaLag } from './replica-lag.ts';

export interface Member {
  /** "primary", "replica1" … in logs and metrics. */
  readonly name: string;
  readonly isPrimary: boolean;
  readonly open: (signal: AbortSignal) => Promise<PostgresConnection>;
  readonly pool: ConnectionPool;
}

export interface Choice {
  readonly member: Member;
  /** Nobody can say how far behind it is. */
  readonly lagUnknown: boolean;
}

export interface MembersOptions {
  /** Opens a connection to the primary (0) and the replicas (1 …). */
  readonly open: (index: number, signal: AbortSignal) => Promise<PostgresConnection>;
  readonly replicas: number;
  readonly maxConnections: number;
  readonly maxLagMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const PROBES_PER_LAG = 4;
const MIN_PROBE_INTERVAL_MS = 50;
const MIN_PROBE_TIMEOUT_MS = 500;
const MAX_PROBE_TIMEOUT_MS = 2_000;

export class Members {
  readonly primary: Member;
  readonly replicas: readonly Member[];
  readonly #options: MembersOptions;
  readonly #lag = new ReplicaLag();
  /** Those that answered last time they were asked. */
  readonly #alive = new Set<string>();
  /** Those that were asked and did not answer. */
  readonly #silent = new Set<string>();
  readonly #closed = new AbortController();
  readonly #probes: readonly Promise<void>[];

  constructor(options: MembersOptions) {
    this.#options = options;
    this.primary = this.#member(0);
    this.replicas = Array.from({ length: options.replicas }, (_unused, i) => this.#member(i + 1));
    this.#probes = this.replicas.length === 0 ? [] : this.all.map((member) => this.#probe(member));
  }

  get all(): readonly Member[] {
    return [this.primary, ...this.replicas];
  }

  /** For a read. @param not One that failed just now. */
  choose(not?: Member): Choice {
    const nowMs = this.#options.clock.monotonicMs();
    const replicas = this.replicas.filter((member) => member !== not);
    const close = replicas.filter(({ name }) => (this.lagMs(name, nowMs) ?? Infinity) <= this.#options.maxLagMs);
    const closest = leastBusy(close);
    if (closest !== undefined) return { member: closest, lagUnknown: false };
    if (!this.#silent.has(this.primary.name) && not !== this.primary)
      return { member: this.primary, lagUnknown: false };
    const any = leastBusy(replicas.filter(({ name }) => this.#alive.has(name)));
    if (any !== undefined) return { member: any, lagUnknown: true };
    return { member: this.primary, lagUnknown: false };
  }

  /** At most; undefined when nothing is known. */
  lagMs(name: string, nowMs = this.#options.clock.monotonicMs()): number | undefined {
    return this.#lag.lagMs(name, nowMs);
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('closed'));
    await Promise.all([...this.all.map(({ pool }) => pool.close()), ...this.#probes]);
  }

  #member(index: number): Member {
    const { open, maxConnections, clock } = this.#options;
    const openThis = (signal: AbortSignal) => open(index, signal);
    return {
      name: index === 0 ? 'primary' : `replica${index}`,
      isPrimary: index === 0,
      open: openThis,
      pool: new ConnectionPool({ open: openThis, maxConnections, clock }),
    };
  }

  #probe(member: Member): Promise<void> {
    const { clock, maxLagMs } = this.#options;
    const intervalMs = Math.max(MIN_PROBE_INTERVAL_MS, maxLagMs / PROBES_PER_LAG);
    const timeoutMs = Math.min(MAX_PROBE_TIMEOUT_MS, Math.max(MIN_PROBE_TIMEOUT_MS, maxLagMs));
    const onPosition = (position: Position | undefined) => this.#heard(member, position);
    return probeMember({ open: member.open, clock, intervalMs, timeoutMs, onPosition }, this.#closed.signal);
  }

  #heard({ name, isPrimary }: Member, heard: Position | undefined): void {
    const known = heard === undefined ? this.#silent : this.#alive;
    if (!known.has(name)) {
      const fields = { member: name };
      if (heard === undefined) this.#options.log.warn(fields, 'a server of the database does not answer');
      else this.#options.log.info(fields, 'a server of the database answers');
    }
    known.add(name);
    (heard === undefined ? this.#alive : this.#silent).delete(name);
    if (heard === undefined) return;
    if (isPrimary) {
      // A primary that became a standby is behind the new one, by nobody knows how much.
      if (!heard.isStandby) this.#lag.primaryIsAt(heard.position, heard.askedMs);
    } else if (heard.isStandby) this.#lag.replicaIsAt(name, heard.position);
    else this.#lag.forget(name);
  }
}

/** Of equals the first: every caller's next one is busier. */
function leastBusy(members: readonly Member[]): Member | undefined {
  return members.reduce<Member | undefined>(
    (least, member) => (least === undefined || member.pool.load < least.pool.load ? member : least),
    undefined,
  );
}
