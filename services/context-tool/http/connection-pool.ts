/**
 * The connections to one origin: so many at most, and so many calls that wait for one; whoever comes then is told that the
 * pool is full. Kept connections are used again, the last one first, so that what is not needed ends by idling.
 */
import type { Clock } from '#lib/clock.ts';
import { Connection } from './connection.ts';
import type { Connect } from './connector.ts';
import { HttpFailure, NOT_SENT } from './failure.ts';

export interface PoolOptions {
  /** "https://weather.example:443". */
  readonly origin: string;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly maxConnections: number;
  readonly maxWaiting: number;
}

/** So that an upstream whose name leads elsewhere by now is found again. */
const MAX_AGE_MS = 300_000;

interface Waiter {
  readonly go: () => void;
  readonly fail: (failure: HttpFailure) => void;
}

export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #inUse = new Set<Connection>();
  #idle: Connection[] = [];
  #waiting: Waiter[] = [];
  /** Connections in use and those that were promised to a waiter. */
  #taken = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#taken + this.#idle.length;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get isUnused(): boolean {
    return this.#taken === 0 && this.#waiting.length === 0;
  }

  /**
   * Runs one request on a connection of its own.
   *
   * @param isFresh Not one that was used before: it may be dead for the same reason as the last one.
   * @throws HttpFailure pool-full; cancelled with the signal's reason as cause; what `work` rejects with
   */
  async use<T>(signal: AbortSignal, isFresh: boolean, work: (connection: Connection) => Promise<T>): Promise<T> {
    await this.#enter(signal);
    const connection = this.#take(isFresh);
    this.#inUse.add(connection);
    try {
      return await work(connection);
    } finally {
      this.#inUse.delete(connection);
      this.#leave(connection);
    }
  }

  /** Ends every connection; requests that run are broken. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#idle, ...this.#inUse]) connection.destroy();
    for (const { fail } of this.#waiting) fail(closed());
    this.#idle = [];
    this.#waiting = [];
  }

  async #enter(signal: AbortSignal): Promise<void> {
    if (this.#isClosed) throw closed();
    if (signal.aborted) throw new HttpFailure('cancelled', { ...NOT_SENT, cause: signal.reason });
    if (this.#taken < this.#options.maxConnections) {
      this.#taken += 1;
      return;
    }
    if (this.#waiting.length >= this.#options.maxWaiting) throw new HttpFailure('pool-full', NOT_SENT);
    const turn = Promise.withResolvers<void>();
    const waiter = { go: turn.resolve, fail: turn.reject };
    const abort = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      turn.reject(new HttpFailure('pool-full', { ...NOT_SENT, cause: signal.reason }));
    };
    this.#waiting.push(waiter);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #take(isFresh: boolean): Connection {
    const kept = this.#idle.pop();
    if (kept !== undefined && !isFresh) return kept;
    kept?.destroy();
    const { origin, connect, clock } = this.#options;
    return new Connection(origin, connect, clock.monotonicMs());
  }

  #leave(connection: Connection): void {
    const isOld = this.#options.clock.monotonicMs() - connection.createdMs > MAX_AGE_MS;
    if (connection.isReusable && !isOld && !this.#isClosed) this.#idle.push(connection);
    else connection.destroy();
    // The place goes on to the next one without being free in between.
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken -= 1;
    else next.go();
  }
}

function closed(): HttpFailure {
  return new HttpFailure('unreachable', { ...NOT_SENT, detail: 'the sources of this server were closed' });
}
