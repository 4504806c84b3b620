/** What a PostgreSQL of the harness was asked for, by its own log (`log_statement=all`). */
import { eventually } from '../harness/eventually.ts';
import type { PostgresServer } from '../harness/postgres.ts';

/** A text of several lines goes on behind a tab. */
const ENTRIES = /\n(?!\t)/;
/** "2027-01-02 03:04:05.678 UTC [123] somebody LOG:  execute <unnamed>: SELECT 1"; of what failed, the text alone. */
const ENTRY = /^\S+ \S+ \S+ \[\d+\] (\S*) (?:LOG: {2}(?:statement|execute [^:]*)|STATEMENT): +([\s\S]*)$/;

/** Texts of statements in the order of the log. @param user Only this one's. */
export function statementsIn(log: string, user?: string): string[] {
  return log.split(ENTRIES).flatMap((entry) => {
    const [, who, text = ''] = ENTRY.exec(entry) ?? [];
    return who === undefined || (user !== undefined && who !== user) ? [] : [text.replaceAll('\n\t', '\n').trim()];
  });
}

/** Everything that was asked before is in it. */
export async function completeLog(server: PostgresServer): Promise<string> {
  const marker = `SELECT 'up to here ${performance.now()}'`;
  await server.query(marker);
  return eventually(
    () => server.log(),
    (log) => log.includes(marker),
  );
}
