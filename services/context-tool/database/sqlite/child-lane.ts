/**
 * The queue before the children of one kind: at most `maxChildren` run, each one request at a time, at most MAX_WAITING wait.
 *
 * A request that overruns its time ends its child; what waits goes on in the next one. A caller who leaves takes a request
 * that has not begun along; one that runs gets LEFT_GRACE_MS more, so that nobody can have children started in a row by
 * asking and leaving.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { withoutValues } from '../without-values.ts';
import type { SqliteAnswers, SqliteRequest } from './messages.ts';
import { type ChildAnswer, ChildEnded, ChildFailed, SqliteChild, type SqliteChildOptions } from './sqlite-child.ts';

export interface ChildLaneOptions {
  readonly child: SqliteChildOptions;
  readonly maxChildren: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RunOptions {
  /** From the moment when a child begins. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The statement was ended because its caller left or its time was up. */
  readonly onEnded?: (() => void) | undefined;
}

export interface LaneState {
  readonly connections: Readonly<Record<'idle' | 'in_use' | 'connecting', number>>;
  readonly waiting: number;
}

export const MAX_WAITING = 64;
const LEFT_GRACE_MS = 200;
/** Before another try when a child ended without having begun. */
const RESTART_PAUSE_MS = 500;
/** For closing the file in order. */
const STOP_MS = 5_000;

interface Job extends RunOptions {
  /** A child that ended by itself took it along, and nothing was committed. */
  wasLost: boolean;
  readonly request: SqliteRequest;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class ChildLane {
  readonly #options: ChildLaneOptions;
  readonly #closing = new AbortController();
  readonly #children = new Set<SqliteChild>();
  readonly #work = new Set<Promise<void>>();
  #starting = 0;
  #idle: SqliteChild[] = [];
  #waiting: Job[] = [];

  constructor(options: ChildLaneOptions) {
    this.#options = options;
  }

  get state(): LaneState {
    const [idle, connecting] = [this.#idle.length, this.#starting];
    const inUse = Math.max(0, this.#children.size - idle - connecting);
    return { connections: { idle, in_use: inUse, connecting }, waiting: this.#waiting.length };
  }

  /** @throws ServiceError, or the signal's reason */
  run<K extends SqliteRequest['kind']>(
    request: Extract<SqliteRequest, { kind: K }>,
    options: RunOptions,
  ): Promise<SqliteAnswers[K]> {
    if (this.#closing.signal.aborted) return Promise.reject(closed());
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    if (this.#waiting.length >= MAX_WAITING) {
      const message = `${MAX_WAITING} calls are waiting for the database; try again`;
      return Promise.reject(new ServiceError('POOL_FULL', message));
    }
    const { promise, resolve, reject } = Promise.withResolvers<SqliteAnswers[K]>();
    const { signal } = options;
    const job: Job = { request, wasLost: false, ...options, resolve: resolve as Job['resolve'], reject };
    const leave = () => {
      this.#waiting = this.#waiting.filter((other) => other !== job);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#waiting.push(job);
    this.#pump();
    return promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  /** Refuses what waits, lets what runs finish within its time. */
  async close(): Promise<void> {
    this.#closing.abort(closed());
    this.#failWaiting(closed());
    while (this.#work.size > 0) await Promise.all(this.#work);
    await Promise.all([...this.#children].map((child) => this.#stop(child)));
  }

  #pump(): void {
    while (this.#waiting.length > 0) {
      const child = this.#idle.pop();
      if (child === undefined) break;
      const job = this.#waiting.shift();
      if (job !== undefined) this.#track(this.#serve(child, job));
    }
    const { maxChildren } = this.#options;
    if (this.#starting < this.#waiting.length && this.#children.size < maxChildren) this.#track(this.#start());
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    const forget = () => {
      this.#work.delete(work);
    };
    work.then(forget, forget);
  }

  async #start(): Promise<void> {
    const child = new SqliteChild(this.#options.child);
    this.#children.add(child);
    this.#starting += 1;
    try {
      await child.ready;
      this.#idle.push(child);
      child.ended.then(
        () => {
          this.#forget(child);
          this.#pump();
        },
        () => undefined,
      );
    } catch (error) {
      this.#forget(child);
      this.#options.log.error({ err: error }, 'the process of a SQLite database could not be started');
      if (this.#children.size === 0) this.#failWaiting(unavailable('the database could not be started', error));
      const { clock } = this.#options;
      await clock.sleep(RESTART_PAUSE_MS, this.#closing.signal).catch(() => undefined);
    } finally {
      this.#starting -= 1;
    }
    this.#pump();
  }

  async #serve(child: SqliteChild, job: Job): Promise<void> {
    try {
      const { value, prepared } = await this.#runBounded(child, job);
      for (const sql of prepared) this.#options.log.debug({ sql }, 'statement compiled');
      job.resolve(value);
    } catch (error) {
      if (error instanceof ChildEnded && this.#mayRepeat(job, error)) {
        job.wasLost = true;
        this.#waiting.unshift(job);
      } else {
        job.reject(error instanceof ChildEnded ? explainLoss(error) : error);
      }
    }
    if (!child.hasEnded) this.#idle.push(child);
    this.#pump();
  }

  /** Once, when nothing has happened and somebody still waits. */
  #mayRepeat({ wasLost, signal }: Job, { wasCommitting }: ChildEnded): boolean {
    return !wasLost && !wasCommitting && !signal?.aborted && !this.#closing.signal.aborted;
  }

  #forget(child: SqliteChild): void {
    this.#children.delete(child);
    this.#idle = this.#idle.filter((other) => other !== child);
  }

  async #runBounded(child: SqliteChild, { request, timeoutMs, signal, onEnded }: Job): Promise<ChildAnswer> {
    const { clock, log } = this.#options;
    const finished = new AbortController();
    let wasEnded: 'overran' | 'left' | undefined;
    const endAfter = (ms: number, why: 'overran' | 'left') => {
      clock.sleep(ms, finished.signal).then(
        () => {
          wasEnded ??= why;
          onEnded?.();
          child.kill();
        },
        () => undefined,
      );
    };
    const leave = () => endAfter(LEFT_GRACE_MS, 'left');
    signal?.addEventListener('abort', leave, { once: true });
    endAfter(timeoutMs, 'overran');
    try {
      return await child.run(request);
    } catch (error) {
      if (error instanceof ChildFailed) throw this.#explain(error, request);
      if (wasEnded === undefined || !(error instanceof ChildEnded)) throw error;
      log.warn({ timeoutMs, why: wasEnded, ...sqlOf(request) }, 'a statement was ended');
      throw explainEnd(error, timeoutMs);
    } finally {
      finished.abort();
      signal?.removeEventListener('abort', leave);
    }
  }

  #explain({ sent: { reason, message, metadata, detail } }: ChildFailed, request: SqliteRequest): ServiceError {
    if (detail !== undefined) {
      const said = withoutValues(detail, 'values' in request ? request.values : []);
      this.#options.log.warn({ ...metadata, message: said, ...sqlOf(request) }, 'the database refused');
    }
    return new ServiceError(reason, message, { metadata });
  }

  #failWaiting(error: Error): void {
    const jobs = this.#waiting;
    this.#waiting = [];
    for (const job of jobs) job.reject(error);
  }

  async #stop(child: SqliteChild): Promise<void> {
    const finished = new AbortController();
    this.#options.clock.sleep(STOP_MS, finished.signal).then(
      () => child.kill(),
      () => undefined,
    );
    await child.stop();
    finished.abort();
  }
}

function sqlOf(request: SqliteRequest): { sql?: string } {
  return 'sql' in request ? { sql: request.sql } : {};
}

/** We have ended it. A caller who has left does not hear it. */
function explainEnd(ended: ChildEnded, timeoutMs: number): ServiceError {
  if (ended.wasCommitting) return outcomeUnknown();
  const message = `the statement was stopped after ${timeoutMs} ms, its limit (statementTimeout); nothing was changed`;
  return new ServiceError('STATEMENT_TIMEOUT', message, { metadata: { timeout_ms: String(timeoutMs) } });
}

function explainLoss(ended: ChildEnded): ServiceError {
  if (ended.wasCommitting) return outcomeUnknown();
  return unavailable('the database ended twice during the statement; nothing was changed', ended);
}

function outcomeUnknown(): ServiceError {
  const message =
    'the database ended while the change was written: it may have happened or not; look, or call again with the same idempotency key';
  return new ServiceError('OUTCOME_UNKNOWN', message);
}

function unavailable(message: string, cause: unknown): ServiceError {
  return new ServiceError('BACKEND_UNAVAILABLE', message, { cause });
}

function closed(): ServiceError {
  return new ServiceError('SHUTTING_DOWN', 'the database is closed');
}
