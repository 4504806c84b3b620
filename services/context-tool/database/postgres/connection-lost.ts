/** The connection is gone, or was never made: nothing is known of what was asked last. */
import { DatabaseError } from 'pg';

export class ConnectionLost extends Error {
  /** What the server said before it left, for example 57P01. */
  readonly sqlstate: string | undefined;

  constructor(cause: unknown) {
    super('the connection to the database was lost', { cause });
    this.name = 'ConnectionLost';
    this.sqlstate = cause instanceof DatabaseError ? cause.code : undefined;
  }
}
