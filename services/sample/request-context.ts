/** ContextTool.RequestContext: one fact of the inventory as JSON. */
import { createHash } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { ContextRequest__Output } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import type { Admit } from './access.ts';
import { readInventory } from './inventory.ts';
import { parseStockFilter } from './stock-filter.ts';

export interface RequestContextDependencies {
  readonly clock: Clock;
  readonly admit: Admit;
}

export function createRequestContext({
  clock,
  admit,
}: RequestContextDependencies): UnaryHandler<ContextRequest__Output, ContextResponse> {
  return function requestContext(request, call) {
    const {
      context_key: resource,
      parameters: params,
      capability_token: token,
      agent_delegation_proof: proof,
    } = request;
    const wanted = { method: 'ContextTool.RequestContext', resource, params } as const;
    return admit(call, { presented: { token, proof }, wanted, answer: () => answer(request) });
  };

  function answer({ context_key, parameters, if_none_match }: ContextRequest__Output): ContextResponse {
    const value = Buffer.from(JSON.stringify(readInventory(context_key, parseStockFilter(parameters))));
    const etag = createHash('sha256').update(value).digest('base64url').slice(0, 22);
    const timestamp = new Date(clock.nowMs()).toISOString();
    return {
      serialized_value: etag === if_none_match ? Buffer.alloc(0) : value,
      content_type: 'application/json',
      etag,
      metadata: [`timestamp:${timestamp}`],
    };
  }
}
