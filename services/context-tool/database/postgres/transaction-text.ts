/**
 * The constant texts around a statement. Everything that a transaction needs is set inside of it: a setting of the session
 * would be lost, or meet somebody else's transaction, behind PgBouncer in transaction mode.
 */
import type { ToolStatementConfig } from '../../config/runtime-config.ts';
import type { PostgresConnection } from './connection.ts';

const ISOLATION: Readonly<Record<ToolStatementConfig['isolation'], string>> = {
  ReadCommitted: 'READ COMMITTED',
  RepeatableRead: 'REPEATABLE READ',
  Serializable: 'SERIALIZABLE',
};

export function beginRead(connection: PostgresConnection, statementTimeoutMs: number): string {
  return `BEGIN READ ONLY; SET LOCAL statement_timeout = ${statementTimeoutMs}${repairs(connection)}`;
}

/** Neither READ WRITE nor READ ONLY: a role or database that may not write by default is refused by the server. */
export function beginWrite(
  connection: PostgresConnection,
  {
    isolation,
    statementTimeoutMs,
  }: { readonly isolation: ToolStatementConfig['isolation']; readonly statementTimeoutMs: number },
): string {
  const begin = `BEGIN ISOLATION LEVEL ${ISOLATION[isolation]}`;
  return `${begin}; SET LOCAL statement_timeout = ${statementTimeoutMs}${repairs(connection)}`;
}

/**
 * Where the role or the database has changed a default that this program reads by: how dates are written, and what a
 * backslash in a text is. The server reports both when a connection begins and whenever they change.
 */
function repairs(connection: PostgresConnection): string {
  const dates = connection.parameter('DateStyle')?.startsWith('ISO') === false ? '; SET LOCAL datestyle = ISO' : '';
  const backslash = connection.parameter('standard_conforming_strings') === 'off';
  return `${dates}${backslash ? '; SET LOCAL standard_conforming_strings = on' : ''}`;
}
