/**
 * The connections to one server: at most so many, the last used first, and a bounded queue before them.
 *
 * Not pg-pool: whoever waits there can neither leave nor be refused, and a connection whose statement was given up would
 * go to the next caller.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { abortable, atMost } from '#lib/time-limit.ts';
import type { PostgresConnection } from './connection.ts';
import type { ConnectionLost } from './connection-lost.ts';

export interface PoolOptions {
  readonly open: (signal: AbortSignal) => Promise<PostgresConnection>;
  readonly maxConnections: number;
  readonly clock: Clock;
}

/** What a scrape sees. */
export interface PoolState {
  readonly idle: number;
  /** Also those whose statement was given up and has not ended. */
  readonly inUse: number;
  readonly connecting: number;
  readonly waiting: number;
}

/** Callers that wait, for each connection. More are refused at once: they would wait for longer than anybody does. */
const WAITING_PER_CONNECTION = 10;
/** An unused connection is closed after this, within another half of it. */
const IDLE_MS = 60_000;
/** "Roll back", and the server says that it did: a server that does not within this is not asked again. */
const ROLLBACK_MS = 1_000;
/** "too many connections for role", "remaining connection slots are reserved": others hold what is left. */
const TOO_MANY_CONNECTIONS = '53300';

interface Waiter {
  readonly take: (connection: PostgresConnection) => void;
  readonly fail: (error: unknown) => void;
}

interface Idle {
  readonly connection: PostgresConnection;
  readonly sinceMs: number;
}

export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #closed = new AbortController();
  readonly #idle: Idle[] = [];
  readonly #inUse = new Set<PostgresConnection>();
  /** Those of `#inUse` that nobody works with any more. */
  readonly #abandoned = new Set<PostgresConnection>();
  readonly #waiters = new Set<Waiter>();
  readonly #reaping: Promise<void>;
  #connecting = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#reaping = this.#reap();
  }

  get state(): PoolState {
    const { size: inUse } = this.#inUse;
    return { idle: this.#idle.length, inUse, connecting: this.#connecting, waiting: this.#waiters.size };
  }

  /** How much is to be done before a new caller's turn. */
  get load(): number {
    return this.#inUse.size + this.#waiters.size;
  }

  /**
   * One that is free and in order as far as anybody knows, to be given back with `release` or `abandon`.
   *
   * @throws ServiceError SHUTTING_DOWN; the signal's reason
   */
  take(signal: AbortSignal): PostgresConnection | undefined {
    signal.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.connection.isIdle) continue;
      this.#inUse.add(idle.connection);
      return idle.connection;
    }
    return undefined;
  }

  /**
   * The same, made anew or waited for.
   *
   * @param signal Ends the wait; its reason is passed on.
   * @throws ServiceError POOL_FULL when too many wait; ConnectionLost when the server cannot be reached
   */
  async acquire(signal: AbortSignal): Promise<PostgresConnection> {
    const free = this.take(signal);
    if (free !== undefined) return free;
    if (this.#waiters.size >= this.#options.maxConnections * WAITING_PER_CONNECTION) throw poolFull();
    return this.#wait(signal);
  }

  /** Whoever waits, waits for others and not for the server. */
  get isFull(): boolean {
    return this.#inUse.size >= this.#options.maxConnections;
  }

  /** Back into the pool; a transaction that is open is rolled back first, while nobody waits for it. */
  release(connection: PostgresConnection): void {
    if (connection.isIdle) {
      this.#giveBack(connection);
      return;
    }
    if (!connection.isOpen) {
      this.#drop(connection);
      return;
    }
    const { clock } = this.#options;
    const rolledBack = atMost(ROLLBACK_MS, connection.simple('ROLLBACK'), clock);
    rolledBack.then(
      (inTime) => (inTime && connection.isIdle ? this.#giveBack(connection) : this.#drop(connection)),
      () => this.#drop(connection),
    );
  }

  /**
   * Its statement was given up: the server is asked to stop it, and the connection is closed when it has stopped, or after
   * `lingerMs`. It counts as in use until then, so that a server that does not answer is not asked more and more.
   */
  abandon(connection: PostgresConnection, { cancel, lingerMs }: { cancel: boolean; lingerMs: number }): void {
    const { clock } = this.#options;
    this.#abandoned.add(connection);
    const settled = connection.settled();
    const cancelled = cancel ? connection.cancel(lingerMs, clock) : undefined;
    const done = atMost(lingerMs, Promise.all([settled, cancelled]), clock);
    abortable(done, this.#closed.signal).then(
      () => this.#drop(connection),
      () => this.#drop(connection),
    );
  }

  /** Closes what is not in use: a connection was found broken, so the others are likely to be. */
  distrust(): void {
    for (const { connection } of this.#idle.splice(0)) connection.destroy();
  }

  /** Refuses who waits and who comes; resolves when the calls that run have given back their connections. */
  async close(): Promise<void> {
    this.#closed.abort(closedError());
    for (const waiter of this.#waiters) waiter.fail(closedError());
    for (const { connection } of this.#idle.splice(0)) connection.close();
    for (const connection of this.#abandoned) this.#drop(connection);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    this.#noticeIdle();
    await Promise.all([promise, this.#reaping]);
  }

  #wait(signal: AbortSignal): Promise<PostgresConnection> {
    const { promise, resolve, reject } = Promise.withResolvers<PostgresConnection>();
    const leave = () => waiter.fail(signal.reason);
    const done = () => {
      this.#waiters.delete(waiter);
      signal.removeEventListener('abort', leave);
    };
    const waiter: Waiter = {
      take: (connection) => {
        done();
        this.#inUse.add(connection);
        resolve(connection);
      },
      fail: (error) => {
        done();
        reject(error);
      },
    };
    this.#waiters.add(waiter);
    signal.addEventListener('abort', leave, { once: true });
    this.#connectForWaiters();
    return promise;
  }

  #connectForWaiters(): void {
    const { maxConnections } = this.#options;
    while (this.#connecting < this.#waiters.size && this.#inUse.size + this.#connecting < maxConnections) {
      this.#connecting += 1;
      this.#connect().catch(() => undefined);
    }
  }

  async #connect(): Promise<void> {
    try {
      const connection = await this.#options.open(this.#closed.signal);
      this.#connecting -= 1;
      if (this.#closed.signal.aborted) connection.destroy();
      else this.#offer(connection);
    } catch (error) {
      this.#connecting -= 1;
      this.#connectFailed(error);
    }
    this.#noticeIdle();
  }

  /** With none in use nobody could ever give one back; with some, whoever waits may still get one. */
  #connectFailed(error: unknown): void {
    const { sqlstate } = error as ConnectionLost;
    if (this.#inUse.size > 0 && sqlstate === TOO_MANY_CONNECTIONS) return;
    const failed = this.#inUse.size === 0 ? [...this.#waiters] : [...this.#waiters].slice(0, 1);
    for (const waiter of failed) waiter.fail(error);
    this.#connectForWaiters();
  }

  #giveBack(connection: PostgresConnection): void {
    this.#inUse.delete(connection);
    if (this.#closed.signal.aborted) connection.close();
    else this.#offer(connection);
    this.#noticeIdle();
  }

  #offer(connection: PostgresConnection): void {
    const [first] = this.#waiters;
    if (first !== undefined) first.take(connection);
    else this.#idle.push({ connection, sinceMs: this.#options.clock.monotonicMs() });
  }

  #drop(connection: PostgresConnection): void {
    connection.destroy();
    this.#abandoned.delete(connection);
    this.#inUse.delete(connection);
    this.#connectForWaiters();
    this.#noticeIdle();
  }

  #noticeIdle(): void {
    if (this.#inUse.size === 0 && this.#connecting === 0) this.#onIdle?.();
  }

  /** Closes what was not used for a while, the first of the list first: those are the longest unused. */
  async #reap(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await clock.sleep(IDLE_MS / 2, signal).catch(() => undefined);
      const unusedSinceMs = clock.monotonicMs() - IDLE_MS;
      while (this.#idle[0] !== undefined && this.#idle[0].sinceMs < unusedSinceMs)
        this.#idle.shift()?.connection.close();
    }
  }
}

export function poolFull(): ServiceError {
  return new ServiceError('POOL_FULL', 'all connections to the database are in use; try again, or raise `pool.max`');
}

function closedError(): ServiceError {
  return new ServiceError('SHUTTING_DOWN', 'this server is closing its connections to the database');
}
