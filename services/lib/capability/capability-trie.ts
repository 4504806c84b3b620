/**
 * A trie over the segments of capability patterns: which items hold a pattern that overlaps a filter?
 *
 * The cost depends on the filter and on what it finds, not on how many items there are: a concrete filter walks one
 * path, and one more for each `*` that somebody registered on the way. For a concrete filter overlap and containment
 * are the same question. The rules are those of `#lib/capability/pattern.ts`, against which the test compares.
 */
import { ONE, type Pattern } from './pattern.ts';

/** Collections are made when they are needed: most nodes have one child or one bucket. */
interface Node<T> {
  /** Next segment is this literal. */
  literals: Map<string, Node<T>> | undefined;
  /** Next segment is a `*` that stands for exactly one. */
  one: Node<T> | undefined;
  /** Items whose pattern ends here. */
  ends: Set<T> | undefined;
  /** Items whose pattern goes on with a trailing `*`: one or more segments. */
  rests: Set<T> | undefined;
}

export class CapabilityTrie<T> {
  readonly #root: Node<T> = createNode();

  /** Harmless when the item is there already under this pattern. */
  add(pattern: Pattern, item: T): void {
    let node = this.#root;
    for (const atom of pattern.atoms) node = childFor(node, atom);
    if (pattern.hasRest) {
      node.rests ??= new Set();
      node.rests.add(item);
    } else {
      node.ends ??= new Set();
      node.ends.add(item);
    }
  }

  /** Forgets the item under this pattern and the branches that nobody needs any more. */
  remove(pattern: Pattern, item: T): void {
    removeBelow(this.#root, pattern, 0, item);
  }

  /** Every item with a pattern that overlaps the filter, each once, in no order. Never change the set returned. */
  find(filter: Pattern): ReadonlySet<T> {
    const found = new Collector<T>();
    collect(this.#root, filter, 0, found);
    return found.items();
  }
}

/** Unites buckets; a single bucket, the usual case, is passed on as it is. */
class Collector<T> {
  #first: ReadonlySet<T> | undefined;
  #union: Set<T> | undefined;

  add(bucket: ReadonlySet<T> | undefined): void {
    if (bucket === undefined) return;
    if (this.#first === undefined) {
      this.#first = bucket;
      return;
    }
    this.#union ??= new Set(this.#first);
    for (const item of bucket) this.#union.add(item);
  }

  items(): ReadonlySet<T> {
    return this.#union ?? this.#first ?? new Set();
  }
}

function collect<T>(node: Node<T>, filter: Pattern, depth: number, found: Collector<T>): void {
  if (depth === filter.atoms.length) {
    if (filter.hasRest) collectBelow(node, found);
    else found.add(node.ends);
    return;
  }
  found.add(node.rests);
  const atom = filter.atoms[depth] as string;
  if (node.one !== undefined) collect(node.one, filter, depth + 1, found);
  if (atom === ONE) {
    for (const child of node.literals?.values() ?? []) collect(child, filter, depth + 1, found);
  } else {
    const child = node.literals?.get(atom);
    if (child !== undefined) collect(child, filter, depth + 1, found);
  }
}

/** The filter's trailing `*` has begun at this node: whatever has one segment more overlaps. */
function collectBelow<T>(node: Node<T>, found: Collector<T>): void {
  found.add(node.rests);
  for (const child of childrenOf(node)) {
    found.add(child.ends);
    collectBelow(child, found);
  }
}

function removeBelow<T>(node: Node<T>, pattern: Pattern, depth: number, item: T): void {
  const atom = pattern.atoms[depth];
  if (atom === undefined) {
    const bucket = pattern.hasRest ? node.rests : node.ends;
    bucket?.delete(item);
    if (bucket?.size === 0) node[pattern.hasRest ? 'rests' : 'ends'] = undefined;
    return;
  }
  const child = atom === ONE ? node.one : node.literals?.get(atom);
  if (child === undefined) return;
  removeBelow(child, pattern, depth + 1, item);
  if (!isEmpty(child)) return;
  if (atom === ONE) node.one = undefined;
  else node.literals?.delete(atom);
  if (node.literals?.size === 0) node.literals = undefined;
}

function createNode<T>(): Node<T> {
  return { literals: undefined, one: undefined, ends: undefined, rests: undefined };
}

function childFor<T>(node: Node<T>, atom: string): Node<T> {
  if (atom === ONE) {
    node.one ??= createNode();
    return node.one;
  }
  node.literals ??= new Map();
  let child = node.literals.get(atom);
  if (child === undefined) {
    child = createNode();
    node.literals.set(atom, child);
  }
  return child;
}

function* childrenOf<T>(node: Node<T>): Generator<Node<T>> {
  if (node.one !== undefined) yield node.one;
  yield* node.literals?.values() ?? [];
}

function isEmpty<T>(node: Node<T>): boolean {
  const { literals, one, ends, rests } = node;
  return literals === undefined && one === undefined && ends === undefined && rests === undefined;
}
