/** Bounds that JSON Schema cannot ask for: those of durations and sizes. */
import type { Segments } from '#lib/schema/schema.ts';
import type { Reading } from './reading.ts';

/** Least, most, and both for people. */
export type Limits = readonly [min: number, max: number, shown: string];

/** The number; one outside of the limits is a problem. */
export function limited({ document }: Reading, segments: Segments, value: number, limits: Limits): number {
  const [min, max, shown] = limits;
  if (value < min || value > max) document.add(segments, `is out of bounds; write ${shown}`);
  return value;
}
