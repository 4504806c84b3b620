/**
 * ContextTool.InvokeTool: `compute_pricing`.
 *
 * The tool only computes, so `idempotency_key` needs no memory: a second call has the first one's answer anyway.
 */
import { quote } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { ToolRequest__Output } from '#protos/generated/mcp2/ToolRequest.ts';
import type { ToolResponse } from '#protos/generated/mcp2/ToolResponse.ts';
import type { SampleCard } from './card.ts';
import { computePricing, PRICING_TOOL } from './pricing.ts';

export interface InvokeToolDependencies {
  readonly card: SampleCard;
}

export function createInvokeTool({ card }: InvokeToolDependencies): UnaryHandler<ToolRequest__Output, ToolResponse> {
  return function invokeTool({ tool_name, schema_hash, arguments: args }) {
    if (tool_name !== PRICING_TOOL) {
      throw new ServiceError('TOOL_UNKNOWN', `this server has no tool ${quote(tool_name)}; it has ${PRICING_TOOL}`);
    }
    if (schema_hash.length > 0 && !card.pricingSchemaHash.equals(schema_hash)) {
      throw new ServiceError('SCHEMA_CHANGED', `the schema of ${PRICING_TOOL} is another one now; read the card again`);
    }
    const pricing = computePricing(args);
    const warnings = [...pricing.warnings];
    if (!pricing.success) return { success: false, error_code: pricing.errorCode, warnings };
    return {
      success: true,
      outputs: { recommended_price: Buffer.from(pricing.recommendedPrice) },
      warnings,
      schema_hash: card.pricingSchemaHash,
    };
  };
}
