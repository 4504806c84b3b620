/**
 * The card of a server: what it offers, with the schemas that callers need and the rights that calls need. Canonical JSON,
 * made once for each offer: its digest is what Discovery shows, so equal servers must have equal bytes.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '#lib/canonical-json.ts';
import type { KeyTemplate } from '#lib/capability/key-template.ts';
import { compilePattern } from '#lib/capability/pattern.ts';
import { MAX_CARD_BYTES, MAX_CARD_CAPABILITIES } from '#lib/card/service-card.ts';
import type { CompiledSchema } from '#lib/json-schema/compile.ts';
import type { ContextDeclaration, ToolDeclaration } from './declaration.ts';

export interface Card {
  /** Canonical JSON (RFC 8785). */
  readonly json: Buffer;
  /** SHA-256 of it. */
  readonly digest: Buffer;
  readonly capabilities: readonly string[];
}

export interface CardContent {
  readonly name: string;
  readonly version: string;
  readonly contexts: readonly { readonly declaration: ContextDeclaration; readonly template: KeyTemplate }[];
  readonly tools: readonly { readonly declaration: ToolDeclaration; readonly input: CompiledSchema }[];
  /** Patterns of topics. */
  readonly publishes: readonly string[];
}

const PROTOCOL = 'mcp2/1';
const SERVICES = ['ContextTool', 'ServiceInfo'];
const NAMED_SCHEMAS = 3;

/** @returns the card, or why there cannot be one, for people */
export function createCard(content: CardContent): Card | string {
  const contexts = content.contexts.map(describeContext);
  const tools = content.tools.map(describeTool);
  const needed = [
    ...contexts.flatMap(({ required_capabilities: names }) => names),
    ...tools.map(({ required_capability: name }) => name),
    ...content.publishes.map((topic) => `event:publish:${topic}`),
  ];
  const capabilities = [...new Set(needed)].sort();
  const { name, version } = content;
  const described = { name, version, protocol: PROTOCOL, services: SERVICES, capabilities, contexts, tools };
  const json = Buffer.from(canonicalJson(described));
  if (json.length <= MAX_CARD_BYTES && capabilities.length <= MAX_CARD_CAPABILITIES) {
    return { json, digest: createHash('sha256').update(json).digest(), capabilities };
  }
  return `the card would have ${json.length} bytes and ${capabilities.length} capabilities; at most ${MAX_CARD_BYTES} and ${MAX_CARD_CAPABILITIES} are possible. ${largestSchemas(content)}Divide the server into several`;
}

function describeContext({ declaration, template }: CardContent['contexts'][number]) {
  const { key, description, parameters, contentType } = declaration;
  const byKey = `context:read:${template.pattern}`;
  return {
    key,
    description,
    parameters_schema: parameters,
    content_type: contentType,
    // A key of 15 or 16 segments is too long for a right of its own.
    required_capabilities: [`db:${template.area}:read`, ...(compilePattern(byKey) === undefined ? [] : [byKey])],
  };
}

function describeTool({ declaration, input }: CardContent['tools'][number]) {
  const { name, description, output, annotations, idempotency } = declaration;
  return {
    name,
    description,
    input_schema: input.schema,
    output_schema: output,
    schema_hash: input.hash.toString('hex'),
    annotations,
    idempotency,
    required_capability: `tool:${name}`,
  };
}

function largestSchemas({ contexts, tools }: CardContent): string {
  const schemas = [
    ...contexts.map(({ declaration: { key, parameters } }) => ({ of: `context ${key}`, schema: parameters })),
    ...tools.map(({ declaration: { name, input } }) => ({ of: `input of ${name}`, schema: input })),
    ...tools.map(({ declaration: { name, output } }) => ({ of: `output of ${name}`, schema: output })),
  ];
  const sized = schemas
    .filter(({ schema }) => schema !== undefined)
    .map(({ of, schema }) => ({ of, bytes: Buffer.byteLength(canonicalJson(schema)) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, NAMED_SCHEMAS);
  if (sized.length === 0) return '';
  return `The largest schemas: ${sized.map(({ of, bytes }) => `${of} (${bytes} bytes)`).join(', ')}. `;
}
