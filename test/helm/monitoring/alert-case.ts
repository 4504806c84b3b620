/** How an alert is shown to fire, and not to. */

export interface AlertCase {
  readonly alert: string;
  /** Metrics of a cluster in which it fires within an hour. */
  readonly fires: readonly Series[];
  /** Labels of the alert beside its severity. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its description then. */
  readonly says: string;
  /** Metrics of clusters in which it does not. */
  readonly quiet: Readonly<Record<string, readonly Series[]>>;
}

/** A series and its values every 30 s, as promtool has them: "0+1x120" begins at 0 and grows by 1, 120 times. */
export type Series = readonly [series: string, values: string];

/** Samples of an hour. */
export const HOUR = 120;

/** The same value for an hour. */
export const always = (value: number | string): string => `${value}x${HOUR}`;

/** A counter that grows by so much a second, for an hour. */
export const growing = (perSecond: number): string => `0+${perSecond * 30}x${HOUR}`;

/** `metric{job,namespace,pod,…}` of one pod of a component of release mcp2. */
export function of(component: string, metric: string, labels: Readonly<Record<string, string | number>> = {}): string {
  const all = { job: `mcp2-${component}`, namespace: 'mcp2-system', pod: `${component}-0`, ...labels };
  const text = Object.entries(all).map(([name, value]) => `${name}="${value}"`);
  return `${metric}{${text.join(',')}}`;
}

/** Cumulative buckets in which all observations take less than `le` and more than the bucket before, `perSecond` times. */
export function histogram(
  component: string,
  metric: string,
  { bounds, le, perSecond, labels = {} }: HistogramShape,
): readonly Series[] {
  return [...bounds, '+Inf'].map((bound) => {
    const isAbove = bound === '+Inf' || Number(bound) >= le;
    return [of(component, `${metric}_bucket`, { ...labels, le: bound }), growing(isAbove ? perSecond : 0)];
  });
}

export interface HistogramShape {
  readonly bounds: readonly number[];
  readonly le: number;
  readonly perSecond: number;
  readonly labels?: Readonly<Record<string, string>>;
}
