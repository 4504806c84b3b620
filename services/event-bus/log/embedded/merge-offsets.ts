/** One rising list of offsets out of the rising lists of several topics, read piece by piece. */
import type { Offset } from '../event-log.ts';

/** @returns at most `limit` offsets after `after`; fewer: there are no more. */
export type OffsetSource = (after: Offset, limit: number) => readonly Offset[];

interface Cursor {
  readonly source: OffsetSource;
  offsets: readonly Offset[];
  at: number;
  isLast: boolean;
}

export function* mergeOffsets(sources: readonly OffsetSource[], after: Offset, piece: number): Generator<Offset> {
  const cursors = sources.map((source): Cursor => {
    const offsets = source(after, piece);
    return { source, offsets, at: 0, isLast: offsets.length < piece };
  });
  for (;;) {
    let first: Cursor | undefined;
    for (const cursor of cursors) {
      const offset = cursor.offsets[cursor.at];
      if (offset === undefined) continue;
      if (first === undefined || offset < (first.offsets[first.at] as Offset)) first = cursor;
    }
    if (first === undefined) return;
    const offset = first.offsets[first.at] as Offset;
    first.at += 1;
    if (first.at === first.offsets.length && !first.isLast) {
      first.offsets = first.source(offset, piece);
      first.at = 0;
      first.isLast = first.offsets.length < piece;
    }
    yield offset;
  }
}
