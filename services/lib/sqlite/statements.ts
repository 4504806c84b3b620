import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** The statements of one connection, each compiled once. For constant texts: there is one for each that was ever asked. */
export class Statements {
  readonly #sqlite: DatabaseSync;
  readonly #known = new Map<string, StatementSync>();

  constructor(sqlite: DatabaseSync) {
    this.#sqlite = sqlite;
  }

  get(sql: string): StatementSync {
    const known = this.#known.get(sql);
    if (known !== undefined) return known;
    const statement = this.#sqlite.prepare(sql);
    this.#known.set(sql, statement);
    return statement;
  }
}
