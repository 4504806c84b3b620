/** Where a part of a YAML document stands in its text. */
import { type Document, isCollection } from 'yaml';
import type { Segments } from './schema.ts';

/** The offset at which the deepest part of the path that exists begins. One way down: a path is looked up once. */
export function offsetOf(document: Document, segments: Segments): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? document.range?.[0] ?? 0;
  for (const segment of segments) {
    node = isCollection(node) ? node.get(segment, true) : undefined;
    if (node === undefined) return offset;
    offset = startOf(node) ?? offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) ? Number(range[0]) : undefined;
}
