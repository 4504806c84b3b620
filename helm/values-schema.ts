/**
 * values.schema.json: what Helm checks before it renders. Closed, so that a misspelt value is an error and not a
 * default. Draft 7, since Helm 3 knows no later one.
 */
import { runtimeFormat } from '../services/context-tool/config/format.ts';
import type { Value } from './values-document.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const STRINGS = { type: 'object', additionalProperties: { type: 'string' } } as const;
const QUANTITIES = { type: 'object', additionalProperties: { type: ['string', 'number'] } } as const;

/** What "$ref" in values.yaml may name. Objects of Kubernetes itself stay open: the API server judges them. */
const DEFINITIONS: Readonly<Record<string, JsonSchema>> = {
  kubernetes: { type: 'object', additionalProperties: true },
  resources: {
    type: 'object',
    additionalProperties: false,
    properties: {
      requests: QUANTITIES,
      limits: QUANTITIES,
      claims: { type: 'array', items: { $ref: '#/definitions/kubernetes' } },
    },
  },
  tolerations: {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      properties: {
        key: { type: 'string' },
        operator: { enum: ['Exists', 'Equal', 'Lt', 'Gt'] },
        value: { type: 'string' },
        effect: { enum: ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] },
        tolerationSeconds: { type: 'integer' },
      },
    },
  },
  env: {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: { type: 'string', minLength: 1 },
        value: { type: 'string' },
        valueFrom: { $ref: '#/definitions/kubernetes' },
      },
    },
  },
  image: {
    type: 'object',
    additionalProperties: false,
    properties: {
      registry: { type: 'string' },
      repository: { type: 'string', minLength: 1 },
      tag: { type: 'string' },
      digest: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$|^$' },
      pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
    },
  },
  configuration: configuration(),
};

/** @returns JSON. @throws Error for a value whose type cannot be told. */
export function renderSchema(values: readonly Value[]): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $comment: 'Written by "npm run generate" from values.yaml. Edit that file, not this one.',
    title: 'Values of the chart mcp2',
    definitions: DEFINITIONS,
    ...objectOf(values),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function objectOf(values: readonly Value[]): JsonSchema {
  // A value that is set to null is gone for Helm: one that the templates rely on must not be.
  const required = values
    .filter((value) => !value.isInherited && !value.isLater && !mayBeNull(value))
    .map(({ key }) => key);
  return {
    type: 'object',
    additionalProperties: false,
    required,
    properties: Object.fromEntries(values.map((value) => [value.key, schemaOf(value)])),
  };
}

/** Of entries, each under a name of the user's, which the templates judge: they can say what is wrong with it. */
function mapOf(entry: readonly Value[]): JsonSchema {
  return { type: 'object', additionalProperties: objectOf(entry) };
}

function mayBeNull({ schema: { type } }: Value): boolean {
  return Array.isArray(type) && type.includes('null');
}

function schemaOf(value: Value): JsonSchema {
  const { description, schema } = value;
  if (typeof schema.$ref === 'string') return { description, ...resolved(schema) };
  const own = resolved(schema);
  if (value.entry !== undefined) return { description, ...mapOf(value.entry), default: value.default };
  if (value.children.length > 0) return { description, ...objectOf(value.children), ...own };
  return { description, ...typeOf(value), ...own, default: value.default };
}

function typeOf({ path, default: value, schema }: Value): JsonSchema {
  if (schema.type !== undefined || schema.enum !== undefined) return {};
  if (Array.isArray(value)) {
    if (schema.items === undefined) throw new Error(`${path} is a list: say "@schema items: …"`);
    return { type: 'array' };
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return { type: typeof value };
    case 'number':
      return { type: 'integer' };
    default:
      if (value === null) throw new Error(`${path} is null: say "@schema type: …"`);
      return 'additionalProperties' in schema ? STRINGS : { type: 'object', additionalProperties: false };
  }
}

/**
 * The format of the context-tool's configuration, as a map or unread as text. What stands beside the entries is a part of one, so
 * that nothing is required at the top.
 */
function configuration(): JsonSchema {
  const { $schema, $id, title, required, ...format } = runtimeFormat();
  return { ...(forHelm(format) as JsonSchema), type: ['object', 'string'] };
}

/** Without sentences that Helm does not show, and without `propertyNames`, for which it names a wrong place. */
function forHelm(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forHelm);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([keyword]) => !['errorMessage', 'propertyNames'].includes(keyword));
  return Object.fromEntries(kept.map(([keyword, inner]) => [keyword, forHelm(inner)]));
}

/** "$ref: name" becomes a JSON pointer, at any depth. */
function resolved(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, inner]) => {
      if (keyword === '$ref') return [keyword, pointerTo(inner)];
      const isSchema = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
      return [keyword, isSchema ? resolved(inner as JsonSchema) : inner];
    }),
  );
}

function pointerTo(name: unknown): string {
  if (typeof name !== 'string' || !(name in DEFINITIONS)) throw new Error(`there is no definition ${String(name)}`);
  return `#/definitions/${name}`;
}
