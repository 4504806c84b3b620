/**
 * The sample's service card: what it offers, with the parameter names and schemas that grants and callers need.
 *
 * Made once, as canonical JSON: its digest is what Discovery shows, so equal servers must have equal bytes.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '#lib/canonical-json.ts';
import { PRICING_PARAMETERS, PRICING_TOOL } from './pricing.ts';
import { FILTER_PARAMETERS } from './stock-filter.ts';

export interface SampleCard {
  /** Canonical JSON (RFC 8785). */
  readonly json: Buffer;
  readonly digest: Buffer;
  /** SHA-256 of the pricing tool's input schema: a caller that pins it notices when the tool changed. */
  readonly pricingSchemaHash: Buffer;
}

const READ_CAPABILITY = 'db:inventory:read';
const PRICING_INPUT = Object.freeze({
  type: 'object',
  properties: {
    sku: { type: 'string', minLength: 1 },
    stock_count: { type: 'string', pattern: '^(0|[1-9][0-9]{0,8})$' },
  },
  required: [...PRICING_PARAMETERS],
  additionalProperties: false,
});

export function createCard(serverName: string, version: string): SampleCard {
  const pricingSchemaHash = sha256(canonicalJson(PRICING_INPUT));
  const json = Buffer.from(
    canonicalJson({
      name: serverName,
      version,
      protocol: 'mcp2/1',
      services: ['ContextTool', 'ServiceInfo'],
      capabilities: [READ_CAPABILITY, `tool:${PRICING_TOOL}`],
      contexts: [
        context('inventory:*:stock_count', { type: 'integer', minimum: 0 }),
        context('inventory:*:warehouses', { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } }),
        context('inventory:*:list_price', { type: 'number', minimum: 0 }),
      ],
      tools: [
        {
          name: PRICING_TOOL,
          capability: `tool:${PRICING_TOOL}`,
          parameters: [...PRICING_PARAMETERS],
          read_only: true,
          idempotent: true,
          input_schema: PRICING_INPUT,
          schema_hash: pricingSchemaHash.toString('hex'),
        },
      ],
    }),
  );
  return { json, digest: sha256(json), pricingSchemaHash };
}

function context(key: string, outputSchema: object) {
  return {
    key,
    capability: READ_CAPABILITY,
    parameters: [...FILTER_PARAMETERS],
    read_only: true,
    idempotent: true,
    output_schema: outputSchema,
    schema_hash: sha256(canonicalJson(outputSchema)).toString('hex'),
  };
}

function sha256(content: string | Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}
