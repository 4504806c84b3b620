/** The tool of pricing.yaml. Arguments have passed its schema; a failure is thrown as {name: 'ToolFailed', code, message}. */

/** In cents. @type {Readonly<Record<string, number>>} */
const LIST_PRICES = Object.freeze({ prod_12345: 10_000, prod_67890: 2_450, prod_24680: 129_900 });
/** At this stock the discount reaches half of the list price, and stays there. */
const FLOOR_STOCK = 500;

/**
 * @param {{ sku: string, stock_count: number }} order
 * @returns {{ recommended_price: number }}
 */
export function computePricing({ sku, stock_count }) {
  if (!Object.hasOwn(LIST_PRICES, sku)) {
    throw Object.assign(new Error(`there is no product ${JSON.stringify(sku)}`), {
      name: 'ToolFailed',
      code: 'SKU_UNKNOWN',
    });
  }
  const discounted = (LIST_PRICES[sku] * (1000 - Math.min(stock_count, FLOOR_STOCK))) / 1000;
  return { recommended_price: Math.round(discounted) / 100 };
}
