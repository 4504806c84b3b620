/**
 * One request of PostgreSQL's protocol and its whole answer, as `pg`'s Client runs it in place of its own Query.
 *
 * Its own Query keeps every row that arrives and turns values into JavaScript's, which lose digits. Here values stay the
 * text that the server sent, and rows beyond a limit are counted and dropped. The portal is not limited instead (Execute
 * with a row count), because PostgreSQL then plans without parallel workers.
 *
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import type { Connection, Submittable } from 'pg';
import { ConnectionLost } from './connection-lost.ts';

export interface Column {
  readonly name: string;
  /** Of the type; of a domain, that of the type below it. */
  readonly oid: number;
}

export interface Answer {
  /** Undefined: the statement gives no rows, not even none. */
  readonly columns: readonly Column[] | undefined;
  /** The first `keepRows`. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** All. */
  readonly rowCount: number;
  /** "COMMIT", "UPDATE 3"; of several statements the last. */
  readonly tag: string;
}

/** The part of `pg`'s connection that is used here, as it is: its published types lag behind. */
interface Wire {
  once(event: 'readyForQuery', listener: () => void): void;
  readonly stream: { cork(): void; uncork(): void };
  query(text: string): void;
  parse(message: { text: string }): void;
  bind(message: { values: readonly (string | null)[] }): void;
  describe(message: { type: 'P' | 'S' }): void;
  execute(message: object): void;
  sync(): void;
  sendCopyFail(message: string): void;
}

interface ExchangeOptions {
  readonly send: (wire: Wire) => void;
  /** Default 1. */
  readonly keepRows?: number;
}

/** Statements of constant text, several at once. */
export function simpleQuery(text: string): Exchange {
  return new Exchange({ send: (wire) => wire.query(text) });
}

export interface BoundStatement {
  /** With $1, $2 … */
  readonly text: string;
  readonly values: readonly (string | null)[];
  readonly keepRows: number;
  /** Sent along: spares a way to the server and back. It is skipped when the statement fails. Default false. */
  readonly thenCommit?: boolean;
}

/** Unnamed statement and portal, so that nothing of it stays on the server. */
export function boundStatement({ text, values, keepRows, thenCommit }: BoundStatement): Exchange {
  return new Exchange({
    keepRows,
    send: (wire) =>
      inOneWrite(wire, () => {
        wire.parse({ text });
        wire.bind({ values });
        wire.describe({ type: 'P' });
        wire.execute({});
        if (thenCommit === true) {
          wire.parse({ text: 'COMMIT' });
          wire.bind({ values: [] });
          wire.execute({});
        }
        wire.sync();
      }),
  });
}

/** Parsed and described, never run. */
export function describeStatement(text: string): Exchange {
  return new Exchange({
    send: (wire) =>
      inOneWrite(wire, () => {
        wire.parse({ text });
        wire.describe({ type: 'S' });
        wire.sync();
      }),
  });
}

export class Exchange implements Submittable {
  /**
   * Settles when the server is ready for the next one: an error of the server after which it is (DatabaseError), or
   * ConnectionLost, also when the server said why before it left. SQLSTATE does not tell the two apart, and the severity
   * is in the server's language.
   */
  readonly answer: Promise<Answer>;
  readonly #options: ExchangeOptions;
  readonly #settle: PromiseWithResolvers<Answer>;
  readonly #rows: (string | null)[][] = [];
  #columns: Column[] | undefined;
  #error: Error | undefined;
  #rowCount = 0;
  #tag = '';

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
  }

  submit(connection: Connection): void {
    this.#options.send(connection as unknown as Wire);
  }

  /** Gives it up: whoever waits hears of this, and not of what happens later. */
  reject(error: unknown): void {
    this.#settle.reject(error);
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, oid: dataTypeID }));
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.#rowCount += 1;
    if (this.#rowCount <= (this.#options.keepRows ?? 1)) this.#rows.push(fields);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#tag = text;
  }

  handleReadyForQuery(): void {
    this.#settle.resolve({ columns: this.#columns, rows: this.#rows, rowCount: this.#rowCount, tag: this.#tag });
  }

  handleError(error: Error, connection: Connection): void {
    this.#error = error;
    (connection as unknown as Wire).once('readyForQuery', () => this.reject(error));
  }

  /** For the connection: it is gone. */
  lose(error: Error): void {
    this.reject(new ConnectionLost(this.#error ?? error));
  }

  handleCopyInResponse(connection: Connection): void {
    (connection as unknown as Wire).sendCopyFail('nothing is copied here');
  }

  handleCopyData(): void {}

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}
}

function inOneWrite(wire: Wire, write: () => void): void {
  wire.stream.cork();
  try {
    write();
  } finally {
    wire.stream.uncork();
  }
}
