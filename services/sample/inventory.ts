/**
 * The sample's data: an inventory as the proposal tells it, "inventory:<sku>:<fact>" as context keys.
 *
 * Fixed on purpose. A sample is looked at to see a call arrive, be checked and be answered; whoever wants real data
 * declares contexts on a database instead.
 */
import { quote } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';
import type { StockFilter } from './stock-filter.ts';

export interface Product {
  readonly listPriceCents: number;
  /** Units by warehouse. */
  readonly stock: Readonly<Record<string, number>>;
}

/** `prod_12345` and its 42 pieces are the proposal's. */
const PRODUCTS: ReadonlyMap<string, Product> = new Map([
  ['prod_12345', { listPriceCents: 10_000, stock: { NY: 30, SF: 12 } }],
  ['prod_67890', { listPriceCents: 2_450, stock: { NY: 7 } }],
  ['prod_24680', { listPriceCents: 129_900, stock: { NY: 0, SF: 3 } }],
]);

export function findProduct(sku: string): Product | undefined {
  return PRODUCTS.get(sku);
}

/**
 * The JSON value of one context key.
 *
 * @throws ServiceError CONTEXT_UNKNOWN
 */
export function readInventory(contextKey: string, filter: StockFilter): unknown {
  const [area, sku = '', fact, ...rest] = contextKey.split(':');
  const product = area === 'inventory' && rest.length === 0 ? findProduct(sku) : undefined;
  if (product !== undefined) {
    const stock = Object.entries(product.stock).filter(([warehouse, units]) => filter(warehouse, units));
    if (fact === 'stock_count') return stock.reduce((sum, [, units]) => sum + units, 0);
    if (fact === 'warehouses') return Object.fromEntries(stock);
    if (fact === 'list_price') return product.listPriceCents / 100;
  }
  throw new ServiceError(
    'CONTEXT_UNKNOWN',
    `this server has no context ${quote(contextKey)}; try "inventory:prod_12345:stock_count"`,
  );
}
