/**
 * A price that falls as stock grows: the proposal's formula, 100 - 0.1 × stock for its one product, as a share of the list
 * price; never below half of that.
 */

/** In cents. @type {ReadonlyMap<string, number>} */
const LIST_PRICES = new Map([
  ['prod_12345', 10_000],
  ['prod_67890', 2_450],
  ['prod_24680', 129_900],
]);

/** At this stock the discount reaches half of the list price and stays there. */
const FLOOR_STOCK = 500;

/**
 * The arguments were checked against the tool's `input` before this is called.
 *
 * @param {{ sku: string, stock_count: number }} args
 * @param {{ warn(sentence: string): void }} call Also has caller, signal, deadlineMs, log, invocationId, idempotencyKey.
 * @returns {{ recommended_price: number }}
 */
export function computePricing({ sku, stock_count: stock }, call) {
  const listPrice = LIST_PRICES.get(sku);
  if (listPrice === undefined) {
    throw { name: 'ToolFailed', code: 'SKU_UNKNOWN', message: `there is no product "${sku}"` };
  }
  if (stock > FLOOR_STOCK) call.warn(`the price does not fall further above ${FLOOR_STOCK} pieces`);
  const cents = Math.round((listPrice * (1000 - Math.min(stock, FLOOR_STOCK))) / 1000);
  return { recommended_price: cents / 100 };
}
