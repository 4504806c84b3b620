/** A schema as a tree that was read: every place in it that is a schema, with what it says and the schemas that it holds. */
import type { Keyword } from './keywords.ts';
import type { SchemaPath } from './schema-problem.ts';

export interface SchemaNode {
  readonly path: SchemaPath;
  /** `false` allows nothing, `true` anything. */
  readonly says: Readonly<Record<string, unknown>> | boolean;
  readonly children: readonly Child[];
  /** What `$ref` names. Set once, after the whole was read. */
  target: SchemaNode | undefined;
}

export interface Child {
  readonly keyword: string;
  readonly applies: Keyword['applies'];
  /** Name of a property, number in a list; undefined where the keyword's value is the schema itself. */
  readonly key: string | number | undefined;
  readonly node: SchemaNode;
}

export interface SchemaTree {
  readonly root: SchemaNode;
  /** All of them, the root first. */
  readonly nodes: readonly SchemaNode[];
}

/** The schemas that are asked about the same value as this one. */
export function appliedToSame(node: SchemaNode): readonly SchemaNode[] {
  const own = node.children.filter(({ applies }) => applies === 'same').map((child) => child.node);
  return node.target === undefined ? own : [...own, node.target];
}

/** A member of a schema; undefined for `true` and `false`, and for what only the prototype has. */
export function said(node: SchemaNode, keyword: string): unknown {
  const { says } = node;
  return typeof says === 'object' && Object.hasOwn(says, keyword) ? says[keyword] : undefined;
}

export function childrenAt(node: SchemaNode, keyword: string): readonly Child[] {
  return node.children.filter((child) => child.keyword === keyword);
}
