/**
 * A new epoch for a log whose content is not what its clients saw: cursors and acknowledgements of before mean nothing to
 * it, so that nobody reads on at an offset that is another event by now.
 */
import { randomBytes } from 'node:crypto';
import type { Offset } from '../event-log.ts';
import { FORMAT, writeHead } from './head.ts';
import type { LogConnection } from './log-connection.ts';
import { createMeta } from './log-state.ts';
import { metaChecksum } from './schema.ts';

export interface LogContent {
  readonly lastOffset: Offset;
  readonly events: number;
}

/** @param atLeast The log's offsets go on above it. @throws SQLite's error */
export function beginEpoch(connection: LogConnection, folder: string, atLeast: Offset): LogContent {
  const epoch = randomBytes(8);
  connection.exec('BEGIN IMMEDIATE');
  const content = writeMeta(connection, epoch, atLeast);
  // What they had delivered beyond the end is gone.
  connection.run('DELETE FROM deliveries WHERE offset > ?', content.lastOffset);
  connection.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  writeHead(folder, { epoch: epoch.toString('hex'), lastOffset: content.lastOffset, isClean: true });
  return content;
}

/** From what the tables hold, whatever the row said before. */
function writeMeta(connection: LogConnection, epoch: Uint8Array, atLeast: Offset): LogContent {
  const max = (sql: string) => connection.number(`SELECT coalesce((${sql}), 0)`);
  const lastOffset = Math.max(
    atLeast,
    max('SELECT max(offset) FROM events'),
    max('SELECT max(last_offset) FROM topics'),
    max('SELECT max(offset) FROM dedup'),
  );
  const lastAt = max('SELECT at FROM events ORDER BY offset DESC LIMIT 1');
  const events = max('SELECT count(*) FROM events');
  const before = connection.get<{ forgotten: number; forgotten_offset: number; forgotten_at: number }>(
    'SELECT forgotten, forgotten_offset, forgotten_at FROM meta WHERE id = 1',
  );
  connection.run('DELETE FROM meta');
  const ackKey = randomBytes(32);
  createMeta(connection, epoch, ackKey);
  const row = {
    format: FORMAT,
    epoch,
    ack_key: ackKey,
    last_offset: lastOffset,
    last_at: lastAt,
    events,
    bytes: max('SELECT sum(bytes) FROM events'),
    next_topic: 1 + Math.max(max('SELECT max(id) FROM topics'), max('SELECT max(topic) FROM events')),
    // A topic may be among what is lost: from now on a new one begins above every sequence that there was.
    forgotten: Math.max(atLeast > 0 ? 1 : 0, before?.forgotten ?? 1),
    forgotten_offset: before?.forgotten_offset ?? 0,
    forgotten_at: before?.forgotten_at ?? 0,
  };
  connection.run(
    'UPDATE meta SET last_offset = ?, last_at = ?, events = ?, bytes = ?, next_topic = ?, forgotten = ?, forgotten_offset = ?, forgotten_at = ?, crc = ? WHERE id = 1',
    ...[row.last_offset, row.last_at, row.events, row.bytes, row.next_topic],
    ...[row.forgotten, row.forgotten_offset, row.forgotten_at, metaChecksum(row)],
  );
  return { lastOffset, events };
}
