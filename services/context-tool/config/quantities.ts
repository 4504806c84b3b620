/** Durations and sizes as the format writes them. They have the form already: `check-shape.ts` saw to it. */

const MILLISECONDS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 });
const BYTES: Readonly<Record<string, number>> = Object.freeze({ Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 });

/** "250ms" is 250. */
export function milliseconds(text: string): number {
  return amount(text, MILLISECONDS);
}

/** "64Ki" is 65,536. */
export function bytes(text: string): number {
  return amount(text, BYTES);
}

function amount(text: string, units: Readonly<Record<string, number>>): number {
  const [, digits = '', unit = ''] = /^([0-9]+)([A-Za-z]+)$/.exec(text) ?? [];
  return Number(digits) * (units[unit] ?? Number.NaN);
}
