/** ContextTool.RequestContext: one fact of the inventory as JSON. */
import { createHash } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { ContextRequest__Output } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import { readInventory } from './inventory.ts';
import { parseStockFilter } from './stock-filter.ts';

export interface RequestContextDependencies {
  readonly clock: Clock;
}

export function createRequestContext({
  clock,
}: RequestContextDependencies): UnaryHandler<ContextRequest__Output, ContextResponse> {
  return function requestContext({ context_key, parameters, if_none_match }) {
    const value = Buffer.from(JSON.stringify(readInventory(context_key, parseStockFilter(parameters))));
    const etag = createHash('sha256').update(value).digest('base64url').slice(0, 22);
    const timestamp = new Date(clock.nowMs()).toISOString();
    return {
      serialized_value: etag === if_none_match ? Buffer.alloc(0) : value,
      content_type: 'application/json',
      etag,
      metadata: [`timestamp:${timestamp}`],
    };
  };
}
