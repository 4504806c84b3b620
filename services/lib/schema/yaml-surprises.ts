/** Words without quotes that kubectl (YAML 1.1) takes for something else than readers of YAML 1.2 do: yes, on, 010, 1_000. */
import { isMap, isScalar, isSeq, type Scalar } from 'yaml';
import { quoted } from '../printable.ts';

/** Those below the node, the first `max`. */
export function surprises(node: unknown, max: number): readonly Scalar[] {
  const found: Scalar[] = [];
  collect(node, found, max);
  return found;
}

export function isSurprising(node: unknown): node is Scalar {
  if (!isScalar(node) || node.type !== 'PLAIN') return false;
  const { value, source = '' } = node;
  if (typeof value === 'boolean') return !/^(?:true|false)$/i.test(source);
  return typeof value === 'number' && Number(source) !== value;
}

/** How kubectl reads it, and what to write so that everybody reads the same. */
export function advice(node: Scalar): string {
  return `${meaning(node)}; write ${String(node.value)}, or ${quoted(node.source ?? '')} for the text`;
}

/** How kubectl reads it. */
export function meaning({ value, source = '' }: Scalar): string {
  return `kubectl reads ${quoted(source).slice(1, -1)} without quotes as ${String(value)}`;
}

function collect(node: unknown, found: Scalar[], max: number): void {
  if (found.length >= max) return;
  if (isSeq(node)) for (const item of node.items) collect(item, found, max);
  if (isMap(node)) for (const { key, value } of node.items) for (const part of [key, value]) collect(part, found, max);
  if (isSurprising(node)) found.push(node);
}
