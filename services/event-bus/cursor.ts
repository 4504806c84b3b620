/**
 * Cursors as clients hold them: 8 bytes of epoch, 8 of offset, big endian. Opaque to clients, and no authority: whoever reads
 * from one needs the right to the filter all the same.
 */
import { ServiceError } from '#lib/errors.ts';
import type { Offset } from './log/event-log.ts';

const EPOCH_BYTES = 8;
export const CURSOR_BYTES = 16;

export function encodeCursor(epoch: Buffer, offset: Offset): Buffer {
  const cursor = Buffer.allocUnsafe(CURSOR_BYTES);
  epoch.copy(cursor, 0, 0, EPOCH_BYTES);
  cursor.writeBigUInt64BE(BigInt(offset), EPOCH_BYTES);
  return cursor;
}

/** @throws ServiceError ARGUMENT_INVALID for another length, LOG_EPOCH for a cursor of another log */
export function decodeCursor(epoch: Buffer, cursor: Uint8Array): Offset {
  if (cursor.length !== CURSOR_BYTES) {
    throw new ServiceError(
      'ARGUMENT_INVALID',
      `start_cursor has ${cursor.length} bytes; use a cursor as it was received`,
      {
        metadata: { path: 'start_cursor' },
      },
    );
  }
  const bytes = Buffer.from(cursor.buffer, cursor.byteOffset, cursor.byteLength);
  if (!bytes.subarray(0, EPOCH_BYTES).equals(epoch)) {
    throw new ServiceError(
      'LOG_EPOCH',
      'the cursor is of another log: this one was restored or replaced since; subscribe without it, for example from the earliest event',
    );
  }
  const offset = bytes.readBigUInt64BE(EPOCH_BYTES);
  // Beyond every event that there can be: then it lies in the future.
  return offset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(offset);
}
