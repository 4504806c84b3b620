/** PriceFeed.Quote: the price of one article. */
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { QuoteRequest__Output } from '#protos/generated/mcp2/QuoteRequest.ts';
import type { QuoteResponse } from '#protos/generated/mcp2/QuoteResponse.ts';

export function createQuote(): UnaryHandler<QuoteRequest__Output, QuoteResponse> {
  return ({ article }) => ({ cents: article.length * 100 });
}
