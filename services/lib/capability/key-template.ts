/**
 * Templates of context keys: "inventory:{sku}:stock_count" stands for every key of three segments with these two, and
 * names the one between them.
 *
 * Whose template a key belongs to never depends on the order in which templates were written down: of those that fit the
 * one with the earliest literal segment wins, and two that no literal tells apart are refused.
 */
import { isParameterName, isSegment, MAX_NAME_BYTES, MAX_NAME_SEGMENTS, quote } from './name.ts';
import { ONE } from './pattern.ts';

export interface KeyTemplate {
  /** As it was written. */
  readonly text: string;
  /** Name of the first segment, which is literal: whose right `db:<area>:read` is about. */
  readonly area: string;
  /** Of the segments in braces, in order. */
  readonly names: readonly string[];
  /** Capability pattern with "*" for each segment in braces. */
  readonly pattern: string;
  readonly segments: readonly TemplateSegment[];
}

export type TemplateSegment = { readonly literal: string } | { readonly name: string };

/** What a concrete key is under the template that it belongs to. */
export interface FoundKey<Value> {
  readonly value: Value;
  /** By the names in the template. */
  readonly segments: Readonly<Record<string, string>>;
}

const BRACES = /^\{(.*)\}$/;
const NO_SEGMENTS: Readonly<Record<string, string>> = Object.freeze({});

/** @returns the template, or what is wrong with the text, for people */
export function parseKeyTemplate(text: string): KeyTemplate | string {
  // A name in braces may be longer or shorter than what stands for it: the bound is that of keys, roughly.
  if (text.length > MAX_NAME_BYTES) return `the key has ${text.length} characters; at most ${MAX_NAME_BYTES}`;
  const parts = text.split(':');
  if (parts.length > MAX_NAME_SEGMENTS) return `the key has ${parts.length} segments; at most ${MAX_NAME_SEGMENTS}`;
  const segments = parts.map(parseSegment);
  const problem = segments.find((segment) => typeof segment === 'string');
  if (problem !== undefined) return problem;
  return build(text, segments as readonly TemplateSegment[]);
}

function build(text: string, segments: readonly TemplateSegment[]): KeyTemplate | string {
  const [first] = segments;
  if (first === undefined || !('literal' in first)) {
    return `the first segment of the key ${quote(text)} must be a fixed text: rights are given by it`;
  }
  const names = segments.flatMap((segment) => ('name' in segment ? [segment.name] : []));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `the key ${quote(text)} names two segments {${twice}}`;
  const pattern = segments.map((segment) => ('name' in segment ? ONE : segment.literal)).join(':');
  return Object.freeze({ text, area: first.literal, names, pattern, segments });
}

function parseSegment(text: string): TemplateSegment | string {
  const name = BRACES.exec(text)?.[1];
  if (name === undefined) {
    if (isSegment(text)) return { literal: text };
    const rule = '1 to 128 of A-Z a-z 0-9 _ . @ = + ~ - that begin with a letter, a digit or _, or a name in braces';
    return `the segment ${quote(text)} of the key is not allowed: use ${rule}, such as {sku}`;
  }
  if (isParameterName(name)) return { name };
  return `the name ${quote(name)} in braces is not allowed: use a letter or _, then up to 63 of A-Z a-z 0-9 _ . -`;
}

interface Node<Value> {
  readonly literals: Map<string, Node<Value>>;
  any: Node<Value> | undefined;
  end: { readonly template: KeyTemplate; readonly value: Value } | undefined;
}

/** Templates of one server, asked on the hot path: a trie, walked literal first. */
export class KeyTemplateTable<Value> {
  readonly #root: Node<Value> = createNode();

  /** @returns the template that is there already and that no literal tells from this one; then nothing is added */
  add(template: KeyTemplate, value: Value): KeyTemplate | undefined {
    let node = this.#root;
    for (const segment of template.segments) node = childOf(node, segment);
    if (node.end !== undefined) return node.end.template;
    node.end = { template, value };
    return undefined;
  }

  /** @param key A legal name (`isName`). */
  find(key: string): FoundKey<Value> | undefined {
    const parts = key.split(':');
    const end = walk(this.#root, parts, 0);
    if (end === undefined) return undefined;
    const { template, value } = end;
    return { value, segments: template.names.length === 0 ? NO_SEGMENTS : valuesOf(template, parts) };
  }
}

/** Literal first at each segment, so that the earliest literal wins; each node is visited at most once. */
function walk<Value>(node: Node<Value>, parts: readonly string[], depth: number): Node<Value>['end'] {
  const part = parts[depth];
  if (part === undefined) return node.end;
  const literal = node.literals.get(part);
  const found = literal && walk(literal, parts, depth + 1);
  return found ?? (node.any && walk(node.any, parts, depth + 1));
}

function valuesOf({ segments }: KeyTemplate, parts: readonly string[]): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [i, segment] of segments.entries()) if ('name' in segment) values[segment.name] = parts[i] ?? '';
  return values;
}

function childOf<Value>(node: Node<Value>, segment: TemplateSegment): Node<Value> {
  if ('name' in segment) {
    node.any ??= createNode();
    return node.any;
  }
  let child = node.literals.get(segment.literal);
  if (child === undefined) {
    child = createNode();
    node.literals.set(segment.literal, child);
  }
  return child;
}

function createNode<Value>(): Node<Value> {
  return { literals: new Map(), any: undefined, end: undefined };
}
