/**
 * One connection to PostgreSQL: `pg`'s Client, made safe. A broken one never ends the process (a Client without a listener
 * for "error" does), what it holds in memory is bounded, and it knows whether it can be used again.
 */
import { Client } from 'pg';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { type CancelTarget, sendCancelRequest } from './cancel-request.ts';
import { ConnectionLost } from './connection-lost.ts';
import {
  type Answer,
  type BoundStatement,
  boundStatement,
  describeStatement,
  type Exchange,
  simpleQuery,
} from './exchange.ts';

/** Shown in pg_stat_activity; `application_name` in the URL wins. */
const APPLICATION_NAME = 'mcp2-context-tool';
/** A dead peer is noticed within minutes also while nothing is asked. */
const KEEP_ALIVE_AFTER_MS = 10_000;
/**
 * Of one answer on the wire: twice what may be answered (4 MiB), since bytea arrives as hexadecimal digits, and a bit for
 * what PostgreSQL adds. More is not read: a single value may have a gigabyte.
 */
export const MAX_ANSWER_BYTES = 2 * 4 * 1024 * 1024 + 512 * 1024;

export interface ConnectionOptions {
  /** postgres://user:password@host:port/database?sslmode=… */
  readonly url: string;
  readonly timeoutMs: number;
  /** Gives up connecting. */
  readonly signal?: AbortSignal | undefined;
}

export class PostgresConnection {
  readonly #client: Client;
  /** What the server reported of itself: "DateStyle", "server_version" … */
  readonly #parameters = new Map<string, string>();
  #error: ConnectionLost | undefined;
  #answerBytes = 0;
  #running: Exchange | undefined;

  private constructor(client: Client) {
    this.#client = client;
    client.on('error', (error) => this.#broke(error));
    client.on('end', () => this.#broke(new Error('the connection was closed')));
    client.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
      this.#parameters.set(parameterName, parameterValue);
    });
  }

  /** @throws ConnectionLost; its cause does not hold the URL */
  static async open({ url, timeoutMs, signal }: ConnectionOptions): Promise<PostgresConnection> {
    const connection = new PostgresConnection(createClient(url, timeoutMs));
    const giveUp = () => connection.destroy();
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      await connection.#client.connect();
      connection.#boundAnswers();
      return connection;
    } catch (error) {
      connection.destroy();
      throw new ConnectionLost(error);
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** In order, and not inside of a transaction. */
  get isIdle(): boolean {
    return this.isOpen && this.#running === undefined && this.#client.getTransactionStatus() === 'I';
  }

  get isOpen(): boolean {
    return this.#error === undefined;
  }

  get inTransaction(): boolean {
    return this.#client.getTransactionStatus() !== 'I';
  }

  /** Undefined before the server said it. */
  parameter(name: string): string | undefined {
    return this.#parameters.get(name);
  }

  /** Constant text only: nothing that a caller sent. */
  simple(text: string): Promise<Answer> {
    return this.#run(simpleQuery(text));
  }

  /** @throws ServiceError LIMIT_EXCEEDED when the answer is too large; the connection is lost then */
  execute(statement: BoundStatement): Promise<Answer> {
    return this.#run(boundStatement(statement));
  }

  describe(text: string): Promise<Answer> {
    return this.#run(describeStatement(text));
  }

  /**
   * Asks the server to stop what runs here, on a connection of its own. Resolves when the server has passed it on. It may
   * come late and hit what runs next, so this connection must not be used again.
   */
  cancel(timeoutMs: number, clock: Clock): Promise<void> {
    return sendCancelRequest(this.#client as unknown as CancelTarget, { timeoutMs, clock });
  }

  /** Resolves when what runs here has ended, however. */
  async settled(): Promise<void> {
    await this.#running?.answer.then(
      () => undefined,
      () => undefined,
    );
  }

  /** At once; what runs here fails. */
  destroy(): void {
    this.#broke(new Error('the connection was closed here'));
    this.#client.connection.stream.destroy();
  }

  /** Says goodbye, so that the server logs no lost connection. */
  close(): void {
    if (!this.isIdle) {
      this.destroy();
      return;
    }
    this.#error = new ConnectionLost(new Error('the connection was closed here'));
    const { connection } = this.#client;
    connection.end();
    // A server that does not answer keeps nobody from ending.
    (connection as unknown as { unref(): void }).unref();
  }

  async #run(exchange: Exchange): Promise<Answer> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#running !== undefined) throw new Error('a connection runs one statement at a time');
    this.#running = exchange;
    this.#answerBytes = 0;
    try {
      this.#client.query(exchange);
      return await exchange.answer;
    } finally {
      this.#running = undefined;
    }
  }

  #broke(error: Error): void {
    this.#error ??= new ConnectionLost(error);
    this.#running?.lose(error);
  }

  #boundAnswers(): void {
    this.#client.connection.stream.on('data', (piece: Buffer) => {
      this.#answerBytes += piece.length;
      if (this.#answerBytes <= MAX_ANSWER_BYTES || this.#error !== undefined) return;
      this.#running?.reject(new ServiceError('LIMIT_EXCEEDED', 'the answer of the database is larger than 4 MiB'));
      this.destroy();
    });
  }
}

/** @throws ConnectionLost when the URL is none, or names a certificate file that cannot be read */
function createClient(url: string, timeoutMs: number): Client {
  try {
    return new Client({
      connectionString: url,
      connectionTimeoutMillis: timeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      fallback_application_name: APPLICATION_NAME,
    });
  } catch (error) {
    throw new ConnectionLost(error);
  }
}
