/**
 * Which warehouses a question is about: `warehouse` and `min_qty`, or both in one `filter` as the proposal writes it
 * ("warehouse='NY', qty>0").
 *
 * A parameter that is not understood is refused: an answer about all warehouses to a question about one would look
 * right and be wrong.
 */
import { quote } from '#lib/capability/name.ts';
import { decodeText } from '#lib/capability/parameter-value.ts';
import { ServiceError } from '#lib/errors.ts';

export type StockFilter = (warehouse: string, units: number) => boolean;

/** What the context keys take; in the card, so that grants can be written for them. */
export const FILTER_PARAMETERS = ['filter', 'warehouse', 'min_qty'] as const;

const MAX_CLAUSES = 8;
const WAREHOUSE = /^[A-Za-z0-9_-]{1,32}$/;
const UNITS = /^\d{1,9}$/;
const CLAUSE = /^(?:warehouse\s*=\s*'?([A-Za-z0-9_-]{1,32})'?|qty\s*>\s*(\d{1,9}))$/;

/** @throws ServiceError ARGUMENT_INVALID */
export function parseStockFilter(parameters: Readonly<Record<string, Uint8Array>>): StockFilter {
  const conditions = Object.entries(parameters).flatMap(([name, bytes]) => {
    const value = decodeText(bytes)?.trim() ?? '';
    if (name === 'warehouse') return [inWarehouse(value)];
    if (name === 'min_qty') return [atLeast(value)];
    if (name === 'filter') return parseClauses(value);
    throw invalid(`the parameter ${quote(name)} is not known; use ${FILTER_PARAMETERS.join(', ')}`);
  });
  return (warehouse, units) => conditions.every((condition) => condition(warehouse, units));
}

function inWarehouse(value: string): StockFilter {
  if (!WAREHOUSE.test(value)) throw invalid('warehouse must be a name such as NY');
  return (warehouse) => warehouse === value;
}

function atLeast(value: string): StockFilter {
  if (!UNITS.test(value)) throw invalid('min_qty must be a whole number such as 1');
  return (_warehouse, units) => units >= Number(value);
}

function parseClauses(text: string): StockFilter[] {
  const clauses = text.split(',').map((clause) => clause.trim());
  if (clauses.length > MAX_CLAUSES) throw invalid(`filter has more than ${MAX_CLAUSES} parts`);
  return clauses.map((clause): StockFilter => {
    const [, name, moreThan] = CLAUSE.exec(clause) ?? [];
    if (name !== undefined) return inWarehouse(name);
    if (moreThan !== undefined) return (_warehouse, units) => units > Number(moreThan);
    throw invalid(`filter must be parts like warehouse='NY' or qty>0, joined by commas`);
  });
}

function invalid(message: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', message);
}
