/**
 * The schema as the validator gets it: draft 2020-12 whatever was written, only words that decide something, and every
 * `$ref` a "#/$defs/<number>". So the validator never resolves a name by itself, and unknown formats and annotations cost
 * nothing.
 */
import { KEYWORDS } from './keywords.ts';
import { childrenAt, type SchemaNode, type SchemaTree, said } from './schema-tree.ts';

/** Counted before each schema that a `$ref` leads to: the one thing that can make a check longer than schema × value. */
export const STEP = 'step';

type Plain = Record<string, unknown> | boolean;

const COMPOSING = ['$ref', 'allOf', 'anyOf', 'oneOf', 'if', 'dependentSchemas', 'dependencies'];

export interface ValidatorSchema {
  readonly schema: Record<string, unknown>;
  readonly usesUnevaluated: boolean;
}

export interface ValidatorOptions {
  /** An object that takes no members but those that it names. */
  readonly closed: boolean;
  /** Names of formats that are checked. */
  readonly formats: ReadonlySet<string>;
}

/** @param start The root, or a schema in it. */
export function toValidatorSchema(
  { nodes }: SchemaTree,
  start: SchemaNode,
  options: ValidatorOptions,
): ValidatorSchema {
  const targets = new Map<SchemaNode, string>();
  for (const { target } of nodes) if (target !== undefined) targets.set(target, String(targets.size));
  const write = (node: SchemaNode): Plain => {
    const name = targets.get(node);
    return name === undefined ? writeBody(node, write, options.formats) : { $ref: `#/$defs/${name}` };
  };
  const definitions = [...targets].map(([node, name]) => {
    const body = writeBody(node, write, options.formats);
    return [name, { allOf: [{ [STEP]: true }, body] }];
  });
  const body = write(start);
  const schema: Record<string, unknown> = typeof body === 'object' ? { ...body } : body ? {} : { not: {} };
  if (options.closed) close(schema, start);
  if (definitions.length > 0) schema.$defs = Object.fromEntries(definitions);
  const usesUnevaluated =
    schema.unevaluatedProperties !== undefined ||
    nodes.some((node) => ['unevaluatedProperties', 'unevaluatedItems'].some((word) => said(node, word) !== undefined));
  return { schema, usesUnevaluated };
}

function close(schema: Record<string, unknown>, root: SchemaNode): void {
  schema.type = 'object';
  if (said(root, 'additionalProperties') !== undefined || said(root, 'unevaluatedProperties') !== undefined) return;
  const isComposed = COMPOSING.some((word) => said(root, word) !== undefined) || schema.$ref !== undefined;
  schema[isComposed ? 'unevaluatedProperties' : 'additionalProperties'] = false;
}

function writeBody(node: SchemaNode, write: (node: SchemaNode) => Plain, formats: ReadonlySet<string>): Plain {
  const { says, target } = node;
  if (typeof says === 'boolean') return says;
  const body: Record<string, unknown> = {};
  for (const [word, value] of Object.entries(says)) {
    const keyword = KEYWORDS.get(word);
    if (value === undefined || keyword === undefined || keyword.isAnnotation || keyword.kind === 'text') continue;
    if (word === '$defs' || word === 'definitions') continue;
    body[word] = childrenAt(node, word).length > 0 ? writeChildren(node, word, write) : value;
  }
  if (target !== undefined) body.$ref = (write(target) as { readonly $ref: string }).$ref;
  const format = formatOf(node);
  if (format !== undefined && formats.has(format)) body.format = format;
  return from07(body, node);
}

function writeChildren(node: SchemaNode, word: string, write: (node: SchemaNode) => Plain): unknown {
  const children = childrenAt(node, word);
  const [first] = children;
  if (first?.key === undefined) return first && write(first.node);
  if (typeof first.key === 'number') return children.map((child) => write(child.node));
  return Object.fromEntries(children.map((child) => [child.key, write(child.node)]));
}

/** "contentEncoding: base64" is checked as OpenAPI's format "byte" is: whoever decodes the text must get all of it. */
export function formatOf(node: SchemaNode): string | undefined {
  const format = said(node, 'format');
  if (typeof format === 'string') return format;
  const encoding = said(node, 'contentEncoding');
  return typeof encoding === 'string' && encoding.toLowerCase() === 'base64' ? 'byte' : undefined;
}

/** A list of `items` was renamed, and so was what comes after it; `dependencies` became two. */
function from07(body: Record<string, unknown>, node: SchemaNode): Plain {
  const { items, additionalItems, dependencies, ...rest } = body;
  if (Array.isArray(items)) {
    rest.prefixItems = items;
    if (additionalItems !== undefined) rest.items = additionalItems;
  } else if (items !== undefined) {
    rest.items = items;
  }
  if (dependencies !== undefined) {
    const lists = Object.entries(said(node, 'dependencies') as object).filter(([, value]) => Array.isArray(value));
    rest.dependentRequired = Object.fromEntries(lists);
    const schemas = childrenAt(node, 'dependencies').length > 0 ? (dependencies as object) : {};
    rest.dependentSchemas = schemas;
  }
  return rest;
}
