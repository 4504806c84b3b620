/** The topics of the log by name, a page at a time. */
import { compilePattern, contains, isConcrete, ONE, type Pattern } from '#lib/capability/pattern.ts';
import type { TopicState } from '../event-log.ts';
import type { LogConnection } from './log-connection.ts';
import type { ReaderRequest } from './messages.ts';
import type { TopicRow } from './schema.ts';

export function readTopics(
  connection: LogConnection,
  { after, limit }: Extract<ReaderRequest, { kind: 'topics' }>,
  filter: Pattern,
): TopicState[] {
  const { from, before } = rangeOf(filter);
  const found: TopicState[] = [];
  const rows = connection
    .statement('SELECT * FROM topics WHERE name > ? AND name >= ? AND name < ? ORDER BY name')
    .iterate(after, from, before);
  for (const row of rows as Iterable<unknown> as Iterable<TopicRow>) {
    if (found.length >= limit) break;
    const name = compilePattern(row.name);
    if (name !== undefined && contains(filter, name)) found.push(stateOf(connection, row));
  }
  return found;
}

/** Names below the filter's first segments that are no wildcard. Names are ASCII; DEL sorts behind everything in them. */
function rangeOf(filter: Pattern): { from: string; before: string } {
  if (isConcrete(filter)) return { from: filter.text, before: `${filter.text}\x00` };
  const wildcard = filter.atoms.indexOf(ONE);
  const literals = wildcard < 0 ? filter.atoms : filter.atoms.slice(0, wildcard);
  const prefix = literals.map((literal) => `${literal}:`).join('');
  return { from: prefix, before: `${prefix}\x7f` };
}

function stateOf(connection: LogConnection, row: TopicRow): TopicState {
  const first = connection.get<{ seq: number }>(
    'SELECT seq FROM events WHERE topic = ? ORDER BY offset LIMIT 1',
    row.id,
  );
  return {
    topic: row.name,
    firstSequence: first?.seq ?? 0,
    lastSequence: row.last_seq,
    events: row.events,
    bytes: row.bytes,
    lastPublishedAtMs: row.last_at,
  };
}
