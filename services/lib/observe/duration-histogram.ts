/**
 * A histogram whose observations cost an increment.
 *
 * prom-client's builds the string of its labels and an object at each one (some 400 ns, a hundredth of a gRPC call); this
 * one knows its labels from the start, and becomes prom-client's form when it is scraped.
 */
import type { Histogram, Registry } from 'prom-client';

export interface DurationMetric {
  readonly name: string;
  readonly help: string;
}

export class DurationHistogram {
  readonly labels: Readonly<Record<string, string>>;
  readonly #bounds: readonly number[];
  /** One more than bounds: the last is for what exceeds them all. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds Upper ends of the buckets in seconds, inclusive and ascending; one for infinity is added. */
  constructor(labels: Readonly<Record<string, string>>, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && seconds > (this.#bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += seconds;
  }

  /** Cumulative buckets, sum and count, as the text format has them. Nothing before the first observation. */
  values(name: string): Value[] {
    let count = 0;
    const buckets = this.#counts.map((more, bucket) => {
      count += more;
      return {
        metricName: `${name}_bucket`,
        labels: { le: this.#bounds[bucket] ?? '+Inf', ...this.labels },
        value: count,
      };
    });
    if (count === 0) return [];
    const { labels } = this;
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { ...labels }, value: this.#sum },
      { metricName: `${name}_count`, labels: { ...labels }, value: count },
    ];
  }
}

interface Value {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/** One metric out of histograms that differ in their labels; those that are added later are scraped as well. */
export function registerDurations(
  metrics: Registry,
  histograms: readonly DurationHistogram[],
  { name, help }: DurationMetric,
): void {
  const metric = {
    name,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: histograms.flatMap((histogram) => histogram.values(name)),
    }),
  };
  // A collection asks a metric for its name and for `get`, and for nothing else of the class that it is typed as.
  metrics.registerMetric(metric as unknown as Histogram);
}
