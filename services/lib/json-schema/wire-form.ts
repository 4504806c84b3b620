/**
 * How the bytes of one member are meant, by its schema (bridge.md of the design, Section 2.3): what the values can be
 * decides. Texts travel as they are; bytes of `contentEncoding: base64` travel decoded; what is never a text travels as
 * JSON. Where both a text and something else are possible, the bytes alone do not say which: 'open'.
 */
import { type JsonType, TYPES } from './keywords.ts';
import { childrenAt, type SchemaNode, said } from './schema-tree.ts';
import { formatOf } from './validator-schema.ts';

export type WireForm = 'text' | 'bytes' | 'json' | 'open';

type Types = ReadonlySet<JsonType>;

/** Of the members that an object schema names, itself, through `allOf` or through `$ref`. */
export function wireFormsOf(root: SchemaNode): ReadonlyMap<string, WireForm> {
  const members = new Map<string, SchemaNode[]>();
  for (const node of alwaysApplied(root)) {
    for (const { key, node: member } of childrenAt(node, 'properties')) {
      members.set(String(key), [...(members.get(String(key)) ?? []), member]);
    }
  }
  const known = new Map<SchemaNode, Types>();
  return new Map([...members].map(([name, schemas]) => [name, formOf(schemas, known)]));
}

function formOf(schemas: readonly SchemaNode[], known: Map<SchemaNode, Types>): WireForm {
  const types = schemas.map((schema) => typesOf(schema, known)).reduce(intersection, new Set(TYPES));
  if (!types.has('string')) return 'json';
  if (types.size > 1) return 'open';
  return schemas.flatMap(alwaysApplied).some((schema) => formatOf(schema) === 'byte') ? 'bytes' : 'text';
}

function alwaysApplied(node: SchemaNode): readonly SchemaNode[] {
  const seen = new Set<SchemaNode>([node]);
  for (const each of seen) {
    for (const child of childrenAt(each, 'allOf')) seen.add(child.node);
    if (each.target !== undefined) seen.add(each.target);
  }
  return [...seen];
}

/** The types that values can have; more than that where it is not easily seen. There is no endless way (references.ts). */
function typesOf(node: SchemaNode, known: Map<SchemaNode, Types>): Types {
  const before = known.get(node);
  if (before !== undefined) return before;
  const { says, target } = node;
  const all: Types = new Set(TYPES);
  const limits: Types[] = says === false ? [new Set()] : [];
  const type = said(node, 'type');
  if (type !== undefined) limits.push(new Set([type].flat() as JsonType[]));
  if (said(node, 'const') !== undefined) limits.push(new Set([typeOf(said(node, 'const'))]));
  const values = said(node, 'enum');
  if (Array.isArray(values)) limits.push(new Set(values.map(typeOf)));
  for (const child of childrenAt(node, 'allOf')) limits.push(typesOf(child.node, known));
  if (target !== undefined) limits.push(typesOf(target, known));
  for (const word of ['anyOf', 'oneOf']) {
    const alternatives = childrenAt(node, word).map((child) => typesOf(child.node, known));
    if (alternatives.length > 0) limits.push(new Set(alternatives.flatMap((types) => [...types])));
  }
  const types = limits.reduce(intersection, all);
  known.set(node, types);
  return types;
}

/** A whole number is a number. */
function intersection(left: Types, right: Types): Types {
  const both = [...left].filter((type) => right.has(type));
  const hasInteger = (left.has('number') && right.has('integer')) || (left.has('integer') && right.has('number'));
  return new Set(hasInteger ? [...both, 'integer' as const] : both);
}

function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
}
