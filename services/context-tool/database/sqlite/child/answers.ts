/** What a statement's rows become: a context's content or a tool's answer. */
import { ServiceError } from '#lib/errors.ts';
import type { ReadAnswer, ResultShape, WriteAnswer } from '../messages.ts';
import { type CollectedRows, cellToJson, toJsonText } from './json-rows.ts';

/** @throws ServiceError CONTEXT_UNKNOWN, BACKEND_REFUSED, LIMIT_EXCEEDED */
export function toReadAnswer(found: CollectedRows, result: ResultShape): ReadAnswer {
  requireSingle(found, result);
  if (result !== 'Rows' && found.count === 0) {
    throw new ServiceError('CONTEXT_UNKNOWN', 'the database has nothing for this key and these parameters');
  }
  const lone = result === 'Value' ? found.rows[0]?.[0] : undefined;
  if (lone instanceof Uint8Array) return { content: lone, contentType: 'application/octet-stream' };
  return { content: Buffer.from(toJsonText(found, result)), contentType: 'application/json' };
}

/**
 * A row becomes outputs by column (what is a JSON string as its text, anything else as JSON), a value or rows the structured result. That a
 * statement which was to give a row gave none is an answer, not an error: it ran.
 *
 * @throws ServiceError BACKEND_REFUSED, LIMIT_EXCEEDED
 */
export function toWriteAnswer(found: CollectedRows, result: ResultShape): WriteAnswer {
  requireSingle(found, result);
  if (result !== 'Rows' && found.count === 0) {
    return { success: false, errorCode: 'NO_ROW', message: 'the statement found no row for these arguments' };
  }
  const structured = toJsonText(found, result);
  if (result !== 'Row') return { success: true, outputs: [], structured };
  const [row = []] = found.rows;
  const outputs = row.map((value, index) => {
    const json = cellToJson(value);
    return [found.names[index] ?? '', json.startsWith('"') ? String(JSON.parse(json)) : json] as const;
  });
  return { success: true, outputs };
}

function requireSingle({ count, names }: CollectedRows, result: ResultShape): void {
  if (result === 'Rows') return;
  if (count > 1) {
    const rows = count > 1_000 ? 'more than 1,000' : String(count);
    throw refused(`the statement gave ${rows} rows where one is wanted`, { rows: String(count) });
  }
  if (result === 'Value' && names.length > 1) {
    const columns = String(names.length);
    throw refused(`the statement gave ${columns} columns where one is wanted`, { columns });
  }
}

function refused(message: string, metadata: Readonly<Record<string, string>>): ServiceError {
  return new ServiceError('BACKEND_REFUSED', message, { metadata });
}
