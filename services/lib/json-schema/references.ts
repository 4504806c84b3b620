/**
 * `$ref`: to a place in the same schema ("#", "#/$defs/item"), an `$anchor` ("#item"), or an `$id` in it. Whatever else is
 * refused, because nothing is ever fetched, and so is one that comes back to itself without descending into the value:
 * its check would not end.
 */
import { quote } from '../capability/name.ts';
import { DRAFT_07, type Draft } from './keywords.ts';
import { escapePointer, type PlacedProblem, unescapePointer } from './schema-problem.ts';
import { appliedToSame, type SchemaNode, type SchemaTree, said } from './schema-tree.ts';

/** Of a schema that says none. Never dialled. */
const BASE = 'mcp2://schema/';

interface Names {
  /** By absolute pointer from the root: "/$defs/item". */
  readonly byPointer: ReadonlyMap<string, SchemaNode>;
  /** By URI, without a fragment. */
  readonly byUri: Map<string, SchemaNode>;
  /** By URI with its anchor: "mcp2://schema/#item". */
  readonly byAnchor: Map<string, SchemaNode>;
  readonly baseOf: Map<SchemaNode, string>;
}

/** Sets `target` of every node with a `$ref`. */
export function linkReferences({ root, nodes }: SchemaTree, draft: Draft, problems: PlacedProblem[]): void {
  const names: Names = {
    byPointer: new Map(nodes.map((node) => [pointerOf(node), node])),
    byUri: new Map([[BASE, root]]),
    byAnchor: new Map(),
    baseOf: new Map(),
  };
  collectNames(root, BASE, { draft, names, problems });
  for (const node of nodes) {
    const reference = said(node, '$ref');
    if (typeof reference !== 'string') continue;
    const found = resolve(reference, names.baseOf.get(node) ?? BASE, names);
    if (typeof found === 'string') problems.push({ path: [...node.path, '$ref'], message: found });
    else node.target = found;
  }
  if (problems.length === 0) findEndless(nodes, problems);
}

interface Collecting {
  readonly draft: Draft;
  readonly names: Names;
  readonly problems: PlacedProblem[];
}

function collectNames(node: SchemaNode, outer: string, collecting: Collecting): void {
  const { names } = collecting;
  const base = nameNode(node, outer, collecting);
  names.baseOf.set(node, base);
  const anchor = said(node, '$anchor');
  if (typeof anchor === 'string') names.byAnchor.set(`${base}#${anchor}`, node);
  for (const { node: inner } of node.children) collectNames(inner, base, collecting);
}

/** @returns the base of what stands in it */
function nameNode(node: SchemaNode, outer: string, { draft, names, problems }: Collecting): string {
  const id = said(node, '$id');
  if (typeof id !== 'string') return outer;
  if (draft === DRAFT_07 && id.startsWith('#')) {
    names.byAnchor.set(`${outer}${id}`, node);
    return outer;
  }
  const uri = URL.parse(id.replace(/#$/, ''), outer);
  if (uri === null || uri.hash !== '') {
    problems.push({ path: [...node.path, '$id'], message: `${quote(id)} must be a URI without a fragment` });
    return outer;
  }
  if (names.byUri.has(uri.href) && names.byUri.get(uri.href) !== node) {
    problems.push({ path: [...node.path, '$id'], message: `${quote(id)} is the $id of another schema in here` });
  }
  names.byUri.set(uri.href, node);
  return uri.href;
}

/** @returns the schema, or what is wrong */
function resolve(reference: string, base: string, { byPointer, byUri, byAnchor }: Names): SchemaNode | string {
  const uri = URL.parse(reference, base);
  const [document = '', fragment = ''] = (uri?.href ?? '').split('#', 2);
  const resource = byUri.get(document);
  if (resource === undefined) {
    return `${quote(reference)} is not in this schema; nothing is fetched: copy it under "$defs" and write "#/$defs/…"`;
  }
  if (fragment === '') return resource;
  const text = decodeFragment(fragment);
  const target = text?.startsWith('/')
    ? byPointer.get(`${pointerOf(resource)}${normalPointer(text)}`)
    : byAnchor.get(`${document}#${text}`);
  return target ?? `${quote(reference)} leads to no schema`;
}

function decodeFragment(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return undefined;
  }
}

function pointerOf({ path }: SchemaNode): string {
  return path.map((segment) => `/${escapePointer(String(segment))}`).join('');
}

function normalPointer(pointer: string): string {
  return pointer
    .split('/')
    .map((segment) => escapePointer(unescapePointer(segment)))
    .join('/');
}

/** Depth first over what is asked about the same value; a way back to where it came from is a check without an end. */
function findEndless(nodes: readonly SchemaNode[], problems: PlacedProblem[]): void {
  const done = new Set<SchemaNode>();
  for (const node of nodes) {
    const way = endlessWay(node, done);
    if (way === undefined) continue;
    const reference = way.find(({ target }) => target !== undefined) ?? node;
    const message = 'comes back to itself without descending into the value: its check would not end';
    problems.push({ path: [...reference.path, '$ref'], message });
    return;
  }
}

/** An explicit stack: a schema of thousands of `$ref`s in a row is legal. */
function endlessWay(start: SchemaNode, done: Set<SchemaNode>): readonly SchemaNode[] | undefined {
  const way: { readonly node: SchemaNode; readonly next: Iterator<SchemaNode> }[] = [];
  const onWay = new Set<SchemaNode>();
  const enter = (node: SchemaNode) => {
    way.push({ node, next: appliedToSame(node)[Symbol.iterator]() });
    onWay.add(node);
  };
  if (!done.has(start)) enter(start);
  for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
    const { value: inner, done: isOver } = top.next.next();
    if (isOver) {
      way.pop();
      onWay.delete(top.node);
      done.add(top.node);
    } else if (onWay.has(inner)) {
      return way.map(({ node }) => node).slice(way.findIndex(({ node }) => node === inner));
    } else if (!done.has(inner)) {
      enter(inner);
    }
  }
  return undefined;
}
