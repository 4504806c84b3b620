/**
 * A server's card as callers read it: what it offers, with schemas and rights. Members that this version does not know are
 * in `json`.
 */
import { readCard, type ServiceCard } from '#lib/card/service-card.ts';
import { parseStrictJson } from '#lib/strict-json.ts';

export interface Card extends ServiceCard {
  readonly contexts: readonly CardContext[];
  readonly tools: readonly CardTool[];
  /** As the server sent it. */
  readonly json: string;
  /** Lower-case hex SHA-256 of it. */
  readonly digest: string;
}

export interface CardContext {
  /** "inventory:{sku}:stock_count"; a segment in braces stands for any. */
  readonly key: string;
  readonly description: string | undefined;
  /** Of the parameters. Undefined: it takes none. */
  readonly parametersSchema: CardSchema | undefined;
  readonly contentType: string | undefined;
  /** Any of them is enough. */
  readonly requiredCapabilities: readonly string[];
}

export interface CardTool {
  readonly name: string;
  readonly description: string | undefined;
  readonly inputSchema: CardSchema | undefined;
  readonly outputSchema: CardSchema | undefined;
  /** Lower-case hex; for the option `schemaHash` of a call. */
  readonly schemaHash: string | undefined;
  readonly annotations: { readonly readOnly: boolean; readonly idempotent: boolean; readonly destructive: boolean };
  /** Who knows a call with an idempotency key again: every replica, one process, or nobody. */
  readonly idempotency: 'shared' | 'instance' | 'none';
  readonly requiredCapability: string;
}

/** JSON Schema. */
export type CardSchema = Readonly<Record<string, unknown>>;

/** Schemas nest in it. `readCard` has bounded it before. */
const MAX_DEPTH = 64;

/** @throws ServiceError ARGUMENT_INVALID for bytes that are no card */
export function parseCard(cardJson: Buffer): Card {
  const { card, digest } = readCard(cardJson);
  const json = cardJson.toString('utf8');
  const { contexts, tools } = parseStrictJson(json, MAX_DEPTH) as Readonly<Record<string, unknown>>;
  return {
    ...card,
    contexts: objectsOf(contexts).flatMap(toContext),
    tools: objectsOf(tools).flatMap(toTool),
    json,
    digest,
  };
}

function toContext(context: CardSchema): readonly CardContext[] {
  const { key, description, parameters_schema, content_type, required_capabilities } = context;
  if (typeof key !== 'string') return [];
  return [
    {
      key,
      description: textOf(description),
      parametersSchema: objectOf(parameters_schema),
      contentType: textOf(content_type),
      requiredCapabilities: Array.isArray(required_capabilities)
        ? required_capabilities.filter((name) => typeof name === 'string')
        : [],
    },
  ];
}

function toTool(tool: CardSchema): readonly CardTool[] {
  const { name, description, input_schema, output_schema, schema_hash, idempotency, required_capability } = tool;
  if (typeof name !== 'string') return [];
  const { readOnly, idempotent, destructive } = objectOf(tool.annotations) ?? {};
  return [
    {
      name,
      description: textOf(description),
      inputSchema: objectOf(input_schema),
      outputSchema: objectOf(output_schema),
      schemaHash: textOf(schema_hash),
      annotations: {
        readOnly: readOnly === true,
        idempotent: idempotent === true,
        destructive: destructive === true,
      },
      idempotency: idempotency === 'shared' || idempotency === 'instance' ? idempotency : 'none',
      requiredCapability: textOf(required_capability) ?? `tool:${name}`,
    },
  ];
}

function objectsOf(value: unknown): readonly CardSchema[] {
  return Array.isArray(value) ? value.map(objectOf).filter((item) => item !== undefined) : [];
}

function objectOf(value: unknown): CardSchema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as CardSchema) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
