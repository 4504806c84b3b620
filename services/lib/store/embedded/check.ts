/**
 * Whether the database holds what was written, looked at before it is used. It is read as a whole at every start: that
 * takes a second for 100,000 records (docs/embedded-store.md), and a clean end says nothing about what the disk did since.
 */
import { DamagedError } from '#lib/sqlite/errors.ts';
import type { Revision } from '../store.ts';
import type { EmbeddedDatabase } from './database.ts';

/**
 * @param wanted The revision that the database has at least, as the marker says.
 * @throws DamagedError with the place and figures, or SQLite's error.
 */
export function checkDatabase(database: EmbeddedDatabase, wanted: Revision): void {
  const { revision } = database.state;
  if (revision < wanted) {
    throw new DamagedError(`it ends at revision ${revision}, although revision ${wanted} was written`);
  }
  checkStructure(database);
  checkRows(database);
  checkLog(database);
}

/** The indexes too, which `quick_check` leaves out: the keys of a lease are found through one. */
function checkStructure(database: EmbeddedDatabase): void {
  const result = database.statement('PRAGMA integrity_check(1)').get()?.integrity_check;
  // Before the line with the page and the cell comes one with the name of the database.
  if (result !== 'ok') throw new DamagedError(String(result).split('\n').at(-1) ?? '');
}

function checkRows(database: EmbeddedDatabase): void {
  const { rows, digest, revision } = database.state;
  let found = { rows: 0, digest: 0, before: '' };
  for (const { key, crc, revision: modRevision } of database.entriesBelow('')) {
    if (key <= found.before || modRevision > revision) throw new DamagedError(`the entry "${key}" is out of order`);
    found = { rows: found.rows + 1, digest: (found.digest ^ crc) >>> 0, before: key };
  }
  for (const { crc } of database.leases()) {
    found = { ...found, rows: found.rows + 1, digest: (found.digest ^ crc) >>> 0 };
  }
  if (found.rows === rows && found.digest === digest) return;
  throw new DamagedError(
    `it holds ${found.rows} rows with the digest ${found.digest}, not ${rows} with ${digest} as written`,
  );
}

/** Each row holds the checksum of the one before it, the state that of the last. */
function checkLog(database: EmbeddedDatabase): void {
  const { revision, compactedRevision, logChecksum, logBytes } = database.state;
  let next = compactedRevision + 1;
  let bytes = 0;
  let previous: number | undefined;
  for (const row of database.logFrom(0)) {
    if (row.revision !== next) throw new DamagedError(`the log has revision ${row.revision} in the place of ${next}`);
    if (previous !== undefined && row.previous !== previous) {
      throw new DamagedError(`revision ${next} of the log does not follow revision ${next - 1}`);
    }
    previous = row.crc;
    bytes += row.bytes;
    next += 1;
  }
  if (next !== revision + 1 || bytes !== logBytes || (previous !== undefined && previous !== logChecksum)) {
    throw new DamagedError(
      `the log ends at revision ${next - 1} with ${bytes} bytes, not ${revision} with ${logBytes}`,
    );
  }
}
