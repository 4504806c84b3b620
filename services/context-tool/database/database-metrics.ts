/**
 * What the databases of one process count: made once, since a reload opens its databases anew while the old ones end.
 *
 * Labels are bounded: databases and members are those of the configuration, results are "ok" and reasons.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { ServiceError } from '#lib/errors.ts';

/** What one database reports. */
export interface DatabaseMeter {
  /** @param result "ok", or the reason of the failure. */
  called(kind: 'context' | 'tool', result: string): void;
  retried(why: 'connection' | 'conflict'): void;
  /** A statement was stopped at the server because its caller left or its time was up. */
  cancelled(): void;
  /** Read at each scrape, until `end`. */
  watch(members: () => readonly MemberState[]): void;
  /** The database is closed. */
  end(): void;
}

export interface MemberState {
  /** "primary", "replica1" … */
  readonly member: string;
  readonly connections: Readonly<Record<'idle' | 'in_use' | 'connecting', number>>;
  readonly waiting: number;
  /** Of a replica, at most so far behind; undefined when nobody knows. */
  readonly lagSeconds: number | undefined;
}

export interface DatabaseMetrics {
  forDatabase(database: string): DatabaseMeter;
}

/** For a process without metrics. */
export const NO_DATABASE_METRICS: DatabaseMetrics = Object.freeze({
  forDatabase: () => ({ called() {}, retried() {}, cancelled() {}, watch() {}, end() {} }),
});

/** Work of one call, counted by how it ends. Settles as the work does. */
export async function counted<T>(meter: DatabaseMeter, kind: 'context' | 'tool', work: () => Promise<T>): Promise<T> {
  try {
    const answer = await work();
    meter.called(kind, 'ok');
    return answer;
  } catch (error) {
    meter.called(kind, error instanceof ServiceError ? error.reason : 'CANCELLED');
    throw error;
  }
}

interface Watched {
  readonly database: string;
  readonly members: () => readonly MemberState[];
}

/** @throws when this collection has them already: one collection a process. */
export function createDatabaseMetrics(metrics: Registry): DatabaseMetrics {
  const watched = new Set<Watched>();
  observeMembers(metrics, watched);
  const registers = [metrics];
  const calls = new Counter({
    name: 'mcp2_database_calls_total',
    help: 'Calls that asked a database, by kind (context, tool) and result: ok, or the reason of the failure.',
    labelNames: ['database', 'kind', 'result'],
    registers,
  });
  const retries = new Counter({
    name: 'mcp2_database_retries_total',
    help: 'Statements that were run again: after a broken connection, or after a conflict with others.',
    labelNames: ['database', 'why'],
    registers,
  });
  const cancels = new Counter({
    name: 'mcp2_database_cancels_total',
    help: 'Statements that were stopped at the server because the caller left or the time was up.',
    labelNames: ['database'],
    registers,
  });
  return {
    forDatabase(database) {
      let watch: Watched | undefined;
      // A rate needs a value before the first call: the first failures would else be none.
      for (const kind of ['context', 'tool'])
        for (const result of ['ok', 'BACKEND_UNAVAILABLE']) calls.inc({ database, kind, result }, 0);
      return {
        called: (kind, result) => calls.inc({ database, kind, result }),
        retried: (why) => retries.inc({ database, why }),
        cancelled: () => cancels.inc({ database }),
        watch(members) {
          watch = { database, members };
          watched.add(watch);
        },
        end() {
          if (watch !== undefined) watched.delete(watch);
        },
      };
    },
  };
}

/** While a reload goes on, both databases of a name add up; the lag is that of the younger. */
function observeMembers(metrics: Registry, watched: ReadonlySet<Watched>): void {
  const each = (visit: (database: string, state: MemberState) => void) => {
    for (const { database, members } of watched) for (const state of members()) visit(database, state);
  };
  new Gauge({
    name: 'mcp2_database_connections',
    help: 'Connections to a server of a database, by state: idle, in_use, connecting.',
    labelNames: ['database', 'member', 'state'],
    registers: [metrics],
    collect() {
      this.reset();
      each((database, { member, connections }) => {
        for (const [state, count] of Object.entries(connections)) this.inc({ database, member, state }, count);
      });
    },
  });
  new Gauge({
    name: 'mcp2_database_waiting',
    help: 'Calls that wait for a connection.',
    labelNames: ['database', 'member'],
    registers: [metrics],
    collect() {
      this.reset();
      each((database, { member, waiting }) => this.inc({ database, member }, waiting));
    },
  });
  new Gauge({
    name: 'mcp2_database_replica_lag_seconds',
    help: 'How far a replica is behind its primary, at most; absent while nobody knows.',
    labelNames: ['database', 'member'],
    registers: [metrics],
    collect() {
      this.reset();
      each((database, { member, lagSeconds }) => {
        if (lagSeconds !== undefined) this.set({ database, member }, lagSeconds);
      });
    },
  });
}
