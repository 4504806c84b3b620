/**
 * The tool `compute_pricing`: a price that falls as stock grows. The proposal's formula, 100 - 0.1 × stock for its one
 * product, as a share of the list price; never below half of that.
 */

import { quote } from '#lib/capability/name.ts';
import { decodeText } from '#lib/capability/parameter-value.ts';
import { ServiceError } from '#lib/errors.ts';
import { findProduct } from './inventory.ts';

export const PRICING_TOOL = 'compute_pricing';
export const PRICING_PARAMETERS = ['sku', 'stock_count'] as const;

/** A tool that ran and found nothing to work on is no failed call. */
export type Pricing =
  | { readonly success: true; readonly recommendedPrice: string; readonly warnings: readonly string[] }
  | { readonly success: false; readonly errorCode: string; readonly warnings: readonly string[] };

const STOCK_COUNT = /^(?:0|[1-9]\d{0,8})$/;
/** At this stock the discount reaches half of the list price and stays there. */
const FLOOR_STOCK = 500;

/** @param args `sku` and `stock_count` as UTF-8 text. @throws ServiceError ARGUMENT_INVALID */
export function computePricing(args: Readonly<Record<string, Uint8Array>>): Pricing {
  const unknown = Object.keys(args).find((name) => !PRICING_PARAMETERS.some((known) => known === name));
  if (unknown !== undefined) {
    throw invalid(`the argument ${quote(unknown)} is not known; use ${PRICING_PARAMETERS.join(' and ')}`);
  }
  const sku = requireText(args, 'sku');
  const stockText = requireText(args, 'stock_count');
  if (!STOCK_COUNT.test(stockText)) throw invalid('stock_count must be a whole number such as 42');
  const product = findProduct(sku);
  if (product === undefined) {
    return { success: false, errorCode: 'SKU_UNKNOWN', warnings: [`there is no product ${quote(sku)}`] };
  }
  const stock = Number(stockText);
  const discounted = (product.listPriceCents * (1000 - Math.min(stock, FLOOR_STOCK))) / 1000;
  const warnings = stock > FLOOR_STOCK ? [`the price does not fall further above ${FLOOR_STOCK} pieces`] : [];
  return { success: true, recommendedPrice: String(Math.round(discounted) / 100), warnings };
}

function requireText(args: Readonly<Record<string, Uint8Array>>, name: (typeof PRICING_PARAMETERS)[number]): string {
  const bytes = Object.hasOwn(args, name) ? args[name] : undefined;
  if (bytes === undefined) throw invalid(`the argument ${name} is missing`);
  const text = decodeText(bytes);
  if (text === undefined || text === '') throw invalid(`the argument ${name} must be UTF-8 text`);
  return text;
}

function invalid(message: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', message);
}
