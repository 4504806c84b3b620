/** Where a part of a YAML document stands in its text. */
import type { Document } from 'yaml';
import type { Segments } from './schema.ts';

/** The offset at which the deepest part of the path that exists begins. */
export function offsetOf(document: Document, segments: Segments): number {
  for (let depth = segments.length; depth > 0; depth -= 1) {
    const node: unknown = document.getIn(segments.slice(0, depth), true);
    if (hasRange(node)) return node.range[0];
  }
  return hasRange(document.contents) ? document.contents.range[0] : (document.range?.[0] ?? 0);
}

function hasRange(node: unknown): node is { readonly range: readonly [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
