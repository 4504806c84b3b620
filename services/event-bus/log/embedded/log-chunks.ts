/**
 * The log in pieces, for cursors whose filter matches many topics: all of them read the same pieces, of which the last few
 * stay in memory.
 */
import type { Offset } from '../event-log.ts';
import type { LogConnection } from './log-connection.ts';
import type { EventRow } from './schema.ts';

export interface LogChunk {
  /** Everything after this one, up to `to`. */
  readonly after: Offset;
  readonly to: Offset;
  readonly rows: readonly EventRow[];
}

/** Offsets in a piece, which begins at a multiple of it. */
const CHUNK_OFFSETS = 256;
/** Of the rows; a piece ends early where they are big. */
const CHUNK_BYTES = 1024 * 1024;
const MAX_CHUNKS = 16;

export class LogChunks {
  readonly #connection: LogConnection;
  /** Used last at the end. */
  #chunks: LogChunk[] = [];

  constructor(connection: LogConnection) {
    this.#connection = connection;
  }

  /** The piece with the offset `after` + 1. @param end The log's last offset in this snapshot. */
  at(after: Offset, end: Offset): LogChunk {
    const known = this.#chunks.find((chunk) => chunk.after <= after && after < chunk.to);
    if (known !== undefined) {
      this.#chunks = [...this.#chunks.filter((chunk) => chunk !== known), known];
      return known;
    }
    const aligned = after - (after % CHUNK_OFFSETS);
    const to = Math.min(aligned + CHUNK_OFFSETS, end);
    let chunk = this.#load(aligned, to);
    if (chunk.to <= after) chunk = this.#load(after, to);
    // The last one of the log is not whole yet.
    if (chunk.to < end || chunk.to % CHUNK_OFFSETS === 0) this.#keep(chunk);
    return chunk;
  }

  #load(after: Offset, to: Offset): LogChunk {
    const rows: EventRow[] = [];
    let bytes = 0;
    const found = this.#connection
      .statement('SELECT * FROM events WHERE offset > ? AND offset <= ? ORDER BY offset')
      .iterate(after, to);
    for (const row of found as Iterable<unknown> as Iterable<EventRow>) {
      bytes += row.payload.length;
      if (rows.length > 0 && bytes > CHUNK_BYTES) return { after, to: row.offset - 1, rows };
      rows.push(row);
    }
    return { after, to, rows };
  }

  #keep(chunk: LogChunk): void {
    this.#chunks.push(chunk);
    if (this.#chunks.length > MAX_CHUNKS) this.#chunks.shift();
  }
}
