/**
 * The child's side: one connection, one request at a time. It opens the file when it is asked for something, and again when
 * the file was replaced, so that a file which comes back needs no other child.
 */
import type { Access, ChildSettings, FromChild, SqliteRequest } from '../messages.ts';
import type { Permission } from './authorizer.ts';
import { Connection } from './connection.ts';
import { createDatabase } from './create-database.ts';
import { toSent } from './failures.ts';
import { makeIdempotencyTable } from './idempotency.ts';
import { describe, runRead, runSettle, runTake, runWrite } from './run-statement.ts';

export type Send = (message: FromChild) => void;

export class SqliteServer {
  readonly #file: string;
  readonly #access: Access;
  readonly #send: Send;
  #connection: Connection | undefined;

  constructor({ file, access }: ChildSettings, send: Send) {
    this.#file = file;
    this.#access = access;
    this.#send = send;
  }

  /** Answers with one message; a mistake of ours is thrown and ends the child. */
  answer(request: SqliteRequest): void {
    try {
      const value = this.#run(request);
      this.#send({ kind: 'answer', value, prepared: this.#connection?.takePrepared() ?? [] });
    } catch (error) {
      const sent = toSent(error);
      // What is damaged, locked or full now may be another file when it is asked for again.
      if (sent.reason === 'BACKEND_UNAVAILABLE') this.close();
      this.#send({ kind: 'failed', error: sent });
    }
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #run(request: SqliteRequest): unknown {
    if (request.kind === 'create') return createDatabase(this.#file, request);
    const connection = this.#open(request.busyMs);
    if (request.kind === 'check') {
      const permission: Permission = this.#access;
      return request.statements.map((sql) => describe(connection, sql, permission));
    }
    if (request.kind === 'read') return runRead(connection, request);
    if (request.kind === 'take') return runTake(connection, request);
    const onCommitting = () => this.#send({ kind: 'committing' });
    if (request.kind === 'settle') return runSettle(connection, request, onCommitting);
    return runWrite(connection, request, onCommitting);
  }

  #open(busyMs: number): Connection {
    if (this.#connection?.isCurrent() === false) this.close();
    const known = this.#connection;
    if (known !== undefined) {
      known.setBusyMs(busyMs);
      return known;
    }
    const connection = new Connection({ file: this.#file, access: this.#access, busyMs });
    try {
      if (this.#access === 'write') makeIdempotencyTable(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
    this.#connection = connection;
    return connection;
  }
}
