/** Spans of time as people say them. */

const UNITS = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'm', ms: 60_000 },
  { name: 's', ms: 1000 },
] as const;

/** As kubectl's AGE: "5s", "3m20s", "12m", "4h5m", "2d". A time to come is "0s". */
export function formatAge(ms: number): string {
  const [index, first] = largestUnit(ms);
  if (first === undefined) return '0s';
  const whole = Math.floor(ms / first.ms);
  const next = whole < 10 ? UNITS[index + 1] : undefined;
  const rest = next === undefined ? 0 : Math.floor((ms % first.ms) / next.ms);
  return next === undefined || rest === 0 ? `${whole}${first.name}` : `${whole}${first.name}${rest}${next.name}`;
}

/** "in 14m" or "3m ago". */
export function formatDistance(fromMs: number, toMs: number): string {
  return toMs >= fromMs ? `in ${formatAge(toMs - fromMs)}` : `${formatAge(fromMs - toMs)} ago`;
}

function largestUnit(ms: number): [number, (typeof UNITS)[number] | undefined] {
  const index = UNITS.findIndex((unit) => ms >= unit.ms);
  return [index, UNITS[index]];
}
