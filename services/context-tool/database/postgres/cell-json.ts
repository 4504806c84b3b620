/**
 * A value of PostgreSQL as JSON text, by the OID of its type, exactly: no digit and no microsecond is lost, because nothing
 * passes through JavaScript's numbers and dates.
 *
 * The text is what the server sends with DateStyle ISO (`transaction-text.ts` sees to that). OIDs of built-in types never
 * change: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
 */
import { arrayJson } from './array-json.ts';
import { dateJson, timestampJson, timestamptzJson } from './timestamp-json.ts';

export type CellReader = (text: string) => string;

export const BYTEA = 17;

/** numeric (1700) is a text like all the others: JSON's readers keep 15 digits. */
const SCALARS: ReadonlyMap<number, CellReader> = new Map([
  [16, (text) => (text === 't' ? 'true' : 'false')],
  [BYTEA, (text) => JSON.stringify(readBytea(text).toString('base64'))],
  [20, integerJson],
  [21, integerJson],
  [23, integerJson],
  [114, (text) => text],
  [700, floatJson],
  [701, floatJson],
  [1082, dateJson],
  [1114, timestampJson],
  [1184, timestamptzJson],
  [3802, (text) => text],
]);

/** Of an array: its elements' OID. Those of other types are found in the catalogue when a statement is checked. */
const ELEMENTS: ReadonlyMap<number, number> = new Map([
  [199, 114],
  [1000, 16],
  [1001, BYTEA],
  [1005, 21],
  [1007, 23],
  [1009, 25],
  [1014, 1042],
  [1015, 1043],
  [1016, 20],
  [1021, 700],
  [1022, 701],
  [1115, 1114],
  [1182, 1082],
  [1185, 1184],
  [1231, 1700],
  [2951, 2950],
  [3807, 3802],
]);

/** Whether only the catalogue knows if this is an array: of an enum, of a domain, of what is rare. */
export function isUnknownType(oid: number): boolean {
  return !SCALARS.has(oid) && !ELEMENTS.has(oid);
}

/** @param elements Of arrays that are not built in: their elements' OID. */
export function cellReader(oid: number, elements: ReadonlyMap<number, number> = new Map()): CellReader {
  const element = ELEMENTS.get(oid) ?? elements.get(oid);
  if (element === undefined) return SCALARS.get(oid) ?? JSON.stringify;
  const read = SCALARS.get(element) ?? JSON.stringify;
  return (text) => arrayJson(text, read);
}

/** Both forms of `bytea_output`, which a role may set. */
export function readBytea(text: string): Buffer {
  if (text.startsWith('\\x')) return Buffer.from(text.slice(2), 'hex');
  const bytes = text.replaceAll(/\\(\\|[0-3][0-7]{2})/g, (_whole, code: string) =>
    code === '\\' ? '\\' : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(bytes, 'latin1');
}

function integerJson(text: string): string {
  return Number.isSafeInteger(Number(text)) ? text : JSON.stringify(text);
}

/** "1e+20" and "-0" are JSON as they are; "NaN", "Infinity" are not. */
function floatJson(text: string): string {
  return Number.isFinite(Number(text)) ? text : JSON.stringify(text);
}
