/** Says when contexts are read with a role that may write: the read-only transaction is then the only thing between them. */
import type { Logger } from '#lib/logger.ts';
import type { PostgresConnection } from './connection.ts';

const QUESTION =
  "SELECT r.rolsuper, current_setting('default_transaction_read_only') = 'on' " +
  'FROM pg_catalog.pg_roles r WHERE r.rolname = current_user';

/** @param hasTools They write, so that their role must be allowed to. */
export async function adviseRole(connection: PostgresConnection, hasTools: boolean, log: Logger): Promise<void> {
  const { rows } = await connection.simple(QUESTION);
  const [isSuperuser, isReadOnly] = rows[0] ?? [];
  const advice = 'docs/context-tool.md has the SQL of a role that can only read';
  if (isSuperuser === 't') log.warn({ advice }, 'a database is used as its superuser');
  else if (!hasTools && isReadOnly === 'f') log.warn({ advice }, 'contexts are read with a role that may write');
}
