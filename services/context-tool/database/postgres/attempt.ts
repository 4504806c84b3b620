/**
 * One attempt to run a transaction on one server, and how far it came when it failed: that decides whether it may be run
 * again, and whether anything may have happened.
 */
import { DatabaseError } from 'pg';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { abortable } from '#lib/time-limit.ts';
import type { Call } from '#sdk/server/declaration.ts';
import type { DatabaseMeter } from '../database-metrics.ts';
import { type Patience, startPatience, statementLimit } from './call-limit.ts';
import type { PostgresConnection } from './connection.ts';
import { ConnectionLost } from './connection-lost.ts';
import type { Answer, BoundStatement } from './exchange.ts';
import { isReadOnlyRefusal, noAnswer, outcomeUnknown, refusal, type StatementLimit, unavailable } from './failure.ts';
import type { Member } from './members.ts';
import { type ConnectionPool, poolFull } from './pool.ts';

/** What came last: nothing was sent before "begin", nothing has happened for good before "commit". */
export type Phase = 'connect' | 'begin' | 'statement' | 'commit';

/** Why an attempt failed: `error` as it came, `reason` as the caller is told. */
export class AttemptFailed extends Error {
  readonly phase: Phase;
  readonly reason: Error;

  constructor(phase: Phase, { error, reason }: { readonly error: unknown; readonly reason: Error }) {
    super('an attempt failed', { cause: error });
    this.name = 'AttemptFailed';
    this.phase = phase;
    this.reason = reason;
  }

  get wasLost(): boolean {
    return this.cause instanceof ConnectionLost;
  }
}

export interface AttemptOptions {
  readonly member: Member;
  readonly call: Pick<Call, 'signal' | 'deadlineMs'>;
  readonly clock: Clock;
  readonly meter: DatabaseMeter;
  readonly statementTimeoutMs: number;
}

/** A server that is in order says within this that it stopped a statement at its limit. */
const GRACE_MS = 1_000;
/** A statement that was given up: the server has this long to stop it before its connection is closed. */
const LINGER_STATEMENT_MS = 2_000;
/**
 * A commit that nobody waits for any more, for example of a synchronous standby: its connection still counts, so that a
 * stuck database does not collect more and more of them. It is never cancelled: that would commit without the standby.
 */
const LINGER_COMMIT_MS = 30_000;

export class Attempt {
  readonly #options: AttemptOptions;
  readonly #connection: PostgresConnection;
  #patience: Patience;
  #phase: Phase = 'begin';
  #limit: StatementLimit;
  #sinceMs: number;

  private constructor(options: AttemptOptions, connection: PostgresConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#limit = this.#limitNow(options.statementTimeoutMs);
    this.#patience = this.#patienceFor(this.#limit);
    this.#sinceMs = options.clock.monotonicMs();
  }

  /** @throws AttemptFailed */
  static async run<T>(options: AttemptOptions, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const connection = await acquire(options);
    const attempt = new Attempt(options, connection);
    try {
      return await work(attempt);
    } catch (error) {
      throw attempt.#failed(error);
    } finally {
      attempt.#end();
    }
  }

  /** @param text Makes the text that begins a transaction, with the server's limit for each of its statements. */
  async begin(text: (connection: PostgresConnection, statementTimeoutMs: number) => string): Promise<void> {
    await this.#step(this.#connection.simple(text(this.#connection, this.#limit.ms)));
    this.#phase = 'statement';
  }

  /** From here each statement has `ms`, or what is left until the deadline; the server is told by whoever calls this. */
  limitTo(ms: number): void {
    this.#patience.end();
    this.#limit = this.#limitNow(ms);
    this.#patience = this.#patienceFor(this.#limit);
  }

  async execute(statement: BoundStatement): Promise<Answer> {
    this.#sinceMs = this.#options.clock.monotonicMs();
    return this.#step(this.#connection.execute(statement));
  }

  /** Waits as long as the caller does: the server's limit does not hold for a commit that waits for a standby. */
  async commit(): Promise<void> {
    const { call, clock } = this.#options;
    this.#patience.signal.throwIfAborted();
    this.#patience.end();
    this.#patience = startPatience(call, { clock });
    this.#phase = 'commit';
    const { tag } = await this.#step(this.#connection.simple('COMMIT'));
    if (tag === 'COMMIT') return;
    throw new ServiceError('BACKEND_REFUSED', 'the database rolled the change back instead of committing it');
  }

  #step(work: Promise<Answer>): Promise<Answer> {
    return abortable(work, this.#patience.signal);
  }

  #limitNow(ms: number): StatementLimit {
    const { call, clock } = this.#options;
    return statementLimit(call.deadlineMs - clock.nowMs(), ms);
  }

  #patienceFor({ ms }: StatementLimit): Patience {
    const { call, clock } = this.#options;
    return startPatience(call, { clock, ms: ms + GRACE_MS, onTimeout: () => noAnswer(ms + GRACE_MS) });
  }

  #failed(error: unknown): AttemptFailed {
    const phase = this.#phase;
    return new AttemptFailed(phase, { error, reason: this.#reasonOf(error) });
  }

  #reasonOf(error: unknown): Error {
    if (error instanceof DatabaseError) {
      if (isReadOnlyRefusal(error) && this.#isStandby) return unavailable(error.code);
      return refusal(error, this.#limit, this.#options.clock.monotonicMs() - this.#sinceMs);
    }
    const sqlstate = error instanceof ConnectionLost ? error.sqlstate : undefined;
    const given = this.#patience.signal.aborted || error instanceof ConnectionLost;
    if (this.#phase === 'commit' && given) return outcomeUnknown(sqlstate);
    if (error instanceof ConnectionLost) return unavailable(sqlstate);
    return error as Error;
  }

  /** Said by PostgreSQL 14 and later, and not through PgBouncer. */
  get #isStandby(): boolean {
    return this.#connection.parameter('in_hot_standby') === 'on';
  }

  #end(): void {
    const { meter, member } = this.#options;
    // What was the primary when this connection was made is one no longer: the next one may find the new primary.
    if (member.isPrimary && this.#isStandby) this.#connection.destroy();
    const { aborted } = this.#patience.signal;
    this.#patience.end();
    if (!aborted || this.#connection.isIdle) {
      member.pool.release(this.#connection);
      return;
    }
    const isCommit = this.#phase === 'commit';
    if (!isCommit) meter.cancelled();
    member.pool.abandon(this.#connection, {
      cancel: !isCommit,
      lingerMs: isCommit ? LINGER_COMMIT_MS : LINGER_STATEMENT_MS,
    });
  }
}

/** Waiting for a connection counts against the deadline, and ends after what a statement may take. @throws AttemptFailed */
async function acquire(options: AttemptOptions): Promise<PostgresConnection> {
  const { member, call, clock, statementTimeoutMs: ms } = options;
  const { pool } = member;
  try {
    const free = pool.take(call.signal);
    if (free !== undefined) return free;
  } catch (error) {
    throw new AttemptFailed('connect', { error, reason: error as Error });
  }
  const patience = startPatience(call, { clock, ms, onTimeout: () => waitedTooLong(pool, ms) });
  try {
    return await pool.acquire(patience.signal);
  } catch (error) {
    const reason = error instanceof ConnectionLost ? unavailable(error.sqlstate) : (error as Error);
    throw new AttemptFailed('connect', { error, reason });
  } finally {
    patience.end();
  }
}

function waitedTooLong(pool: ConnectionPool, ms: number): ServiceError {
  return pool.isFull ? poolFull() : noAnswer(ms);
}
