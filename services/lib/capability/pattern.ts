/**
 * Capability patterns: names in which a segment may be "*". A trailing "*" stands for one or more segments (Rest),
 * any other "*" for exactly one (One).
 *
 * Segments, not prefixes: a prefix test would let "db:inventory*" reach "db:inventory-archive". A pattern that does
 * not parse matches, contains and overlaps nothing. The rules equal those of NATS subjects, with ">" written "*".
 */
import { isSegment, MAX_NAME_BYTES, MAX_NAME_SEGMENTS, MAX_TOPIC_SEGMENTS } from './name.ts';

/** A pattern split once, so that nothing is split again on each call. Made by `compilePattern` alone. */
export interface Pattern {
  readonly text: string;
  /** The segments before a trailing "*"; "*" among them stands for exactly one segment. */
  readonly atoms: readonly string[];
  /** Whether one or more segments follow the atoms. */
  readonly hasRest: boolean;
}

/** The atom that stands for exactly one segment. No literal can be equal to it. */
export const ONE = '*';

/** @returns undefined for text outside the grammar: an empty segment, "*" inside a segment, a reserved character. */
export function compilePattern(text: string): Pattern | undefined {
  if (text.length > MAX_NAME_BYTES) return undefined;
  const segments = text.split(':');
  if (segments.length > MAX_NAME_SEGMENTS) return undefined;
  if (!segments.every((segment) => segment === ONE || isSegment(segment))) return undefined;
  const hasRest = segments.at(-1) === ONE;
  return { text, atoms: hasRest ? segments.slice(0, -1) : segments, hasRest };
}

/** True when the pattern is short enough to stand for topics, which have at most 12 segments. */
export function isTopicFilter(pattern: Pattern): boolean {
  return shortestLength(pattern) <= MAX_TOPIC_SEGMENTS;
}

/** True when the pattern stands for exactly one name. */
export function isConcrete(pattern: Pattern): boolean {
  return !pattern.hasRest && !pattern.atoms.includes(ONE);
}

/** True when `name` is one of the names that `pattern` stands for. */
export function matches(pattern: Pattern | string, name: Pattern | string): boolean {
  const wanted = compiled(name);
  return wanted !== undefined && isConcrete(wanted) && contains(pattern, wanted);
}

/** True when every name that `wanted` stands for is also one of `granted`. */
export function contains(granted: Pattern | string, wanted: Pattern | string): boolean {
  const g = compiled(granted);
  const f = compiled(wanted);
  if (g === undefined || f === undefined) return false;
  if (g.hasRest ? shortestLength(f) <= g.atoms.length : f.hasRest || f.atoms.length !== g.atoms.length) return false;
  for (let i = 0; i < g.atoms.length; i++) {
    if (g.atoms[i] !== ONE && g.atoms[i] !== f.atoms[i]) return false;
  }
  return true;
}

/** True when some name is matched by both. */
export function overlaps(a: Pattern | string, b: Pattern | string): boolean {
  const p = compiled(a);
  const q = compiled(b);
  if (p === undefined || q === undefined) return false;
  if (!p.hasRest && shortestLength(q) > p.atoms.length) return false;
  if (!q.hasRest && shortestLength(p) > q.atoms.length) return false;
  if (!p.hasRest && !q.hasRest && p.atoms.length !== q.atoms.length) return false;
  const shared = Math.min(p.atoms.length, q.atoms.length);
  return p.atoms.slice(0, shared).every((atom, i) => atom === ONE || q.atoms[i] === ONE || atom === q.atoms[i]);
}

/** `literals` in front of `pattern`. The result may be longer than a name: it is asked for, never granted. */
export function prefixed(literals: readonly string[], pattern: Pattern): Pattern {
  const text = `${literals.join(':')}:${pattern.text}`;
  return { text, atoms: [...literals, ...pattern.atoms], hasRest: pattern.hasRest };
}

function shortestLength(pattern: Pattern): number {
  return pattern.atoms.length + (pattern.hasRest ? 1 : 0);
}

function compiled(pattern: Pattern | string): Pattern | undefined {
  return typeof pattern === 'string' ? compilePattern(pattern) : pattern;
}
