/**
 * A database behind contexts and tools: what PostgreSQL (`postgres/`) and SQLite (`sqlite/`) both are. One contract suite
 * (test/database) holds for both.
 *
 * A statement answers BACKEND_UNAVAILABLE until it was checked, and BACKEND_REFUSED for good when the database refused it.
 */
import type { ContextDeclaration, ToolDeclaration } from '#sdk/server/declaration.ts';
import type { OutboxConfig, Problem, StatementConfig, ToolStatementConfig } from '../config/runtime-config.ts';
import type { OutboxTable } from './outbox-table.ts';

/** "unreachable": the database did not answer, so nothing is known yet; it is tried again. */
export type Checked = readonly Problem[] | 'unreachable';

export interface Database {
  /** @param names What a statement may refer to: key segments and parameters, or arguments. */
  context(statement: StatementConfig, names: StatementNames): ContextDeclaration['read'];
  tool(statement: ToolStatementConfig, names: StatementNames): ToolDeclaration['run'];
  /** @param lock The same for every replica of one outbox, another for any other outbox. */
  outbox(config: OutboxConfig, lock: string): OutboxTable;
  /** Has every statement that was asked for so far parsed and described by the database, and rolled back. */
  check(signal: AbortSignal): Promise<Checked>;
  close(): Promise<void>;
}

export interface StatementNames {
  readonly segments: readonly string[];
  readonly parameters: readonly string[];
}
