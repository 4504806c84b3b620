/**
 * What the traffic program saw: each call, and each change of what Lookup answers. Reports are made for any span of
 * time afterwards, so that a test may measure a fault during which nobody could ask.
 *
 * It runs inside a pod beside program.ts: it imports nothing.
 */

export type CallKind = 'lookup' | 'call' | 'tool';

export interface Sample {
  readonly kind: CallKind;
  /** Number of the agent, from 0. */
  readonly agent: number;
  /** Unix time. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** "OK", or the gRPC code's name with the reason: "UNAVAILABLE STORE_UNAVAILABLE". */
  readonly outcome: string;
  readonly message?: string;
  /** An answer that the registry marked stale. */
  readonly stale?: boolean;
  /** An answer without endpoints. */
  readonly empty?: boolean;
  /** Of a call: endpoints that were tried; 1 when the first one answered. */
  readonly attempts?: number;
}

export interface CallSummary {
  readonly count: number;
  /** Calls that failed, after whatever was retried. */
  readonly failed: number;
  /** The failed ones by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The longest time in which an agent got no good answer, at the span's edges too; over all agents. */
  readonly longestGapMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
}

export interface TrafficReport {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lookups: CallSummary & { readonly stale: number; readonly empty: number };
  /** Calls of servers that were found. `secondTries`: good ones for which more than one endpoint was tried. */
  readonly calls: CallSummary & { readonly secondTries: number };
  /** The same of a tool; none where the settings name none. */
  readonly tools: CallSummary & { readonly secondTries: number };
  /** The first ones. */
  readonly failures: readonly Pick<Sample, 'kind' | 'agent' | 'startedMs' | 'endedMs' | 'outcome' | 'message'>[];
}

export interface AnswerChange {
  readonly atMs: number;
  readonly agent: number;
  /** "server_name grpc_url", sorted. */
  readonly endpoints: readonly string[];
}

const MAX_SAMPLES = 400_000;
const MAX_CHANGES = 5_000;
const MAX_FAILURES = 20;

export class TrafficRecord {
  readonly #samples: Sample[] = [];
  readonly #changes: AnswerChange[] = [];
  readonly #last = new Map<number, string>();
  readonly #agents: number;

  /** @param agents An agent of which a span has no call at all made no call in it: that is a gap too. */
  constructor(agents: number) {
    this.#agents = agents;
  }

  /** Beyond 400,000 the older half is forgotten. */
  add(sample: Sample): void {
    if (this.#samples.length >= MAX_SAMPLES) this.#samples.splice(0, MAX_SAMPLES / 2);
    this.#samples.push(sample);
  }

  /** Keeps it when the agent was told something else before. */
  answered({ atMs, agent, endpoints }: AnswerChange): void {
    const text = endpoints.join('\n');
    if (this.#last.get(agent) === text) return;
    this.#last.set(agent, text);
    if (this.#changes.length >= MAX_CHANGES) this.#changes.splice(0, MAX_CHANGES / 2);
    this.#changes.push({ atMs, agent, endpoints });
  }

  changes(fromMs: number): readonly AnswerChange[] {
    return this.#changes.filter(({ atMs }) => atMs >= fromMs);
  }

  /** Of the calls that ended in the span. */
  report(fromMs: number, toMs: number): TrafficReport {
    const inSpan = this.#samples.filter(({ endedMs }) => endedMs >= fromMs && endedMs <= toMs);
    const lookups = inSpan.filter(({ kind }) => kind === 'lookup');
    const span = { fromMs, toMs, agents: this.#agents };
    return {
      fromMs,
      toMs,
      lookups: {
        ...summarize(lookups, span),
        stale: lookups.filter(({ stale }) => stale).length,
        empty: lookups.filter(({ empty }) => empty).length,
      },
      calls: summarizeCalls(
        inSpan.filter(({ kind }) => kind === 'call'),
        span,
      ),
      tools: summarizeCalls(
        inSpan.filter(({ kind }) => kind === 'tool'),
        span,
      ),
      failures: inSpan
        .filter(({ outcome }) => outcome !== 'OK')
        .slice(0, MAX_FAILURES)
        .map(({ kind, agent, startedMs, endedMs, outcome, message = '' }) => ({
          ...{ kind, agent, startedMs, endedMs, outcome, message },
        })),
    };
  }
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly agents: number;
}

function summarizeCalls(samples: readonly Sample[], span: Span): TrafficReport['calls'] {
  const secondTries = samples.filter(({ outcome, attempts = 1 }) => outcome === 'OK' && attempts > 1).length;
  return { ...summarize(samples, span), secondTries };
}

function summarize(samples: readonly Sample[], span: Span): CallSummary {
  const durations = samples.map(({ startedMs, endedMs }) => endedMs - startedMs).sort((a, b) => a - b);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of samples) if (outcome !== 'OK') outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return {
    count: samples.length,
    failed: samples.filter(({ outcome }) => outcome !== 'OK').length,
    outcomes,
    longestGapMs: longestGap(samples, span),
    p50Ms: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99),
    slowestMs: durations.at(-1) ?? 0,
  };
}

function longestGap(samples: readonly Sample[], { fromMs, toMs, agents }: Span): number {
  const goodAt = new Map<number, number[]>(Array.from({ length: agents }, (_, agent) => [agent, []]));
  for (const { agent, outcome, endedMs } of samples) {
    const times = goodAt.get(agent) ?? [];
    if (outcome === 'OK') times.push(endedMs);
    goodAt.set(agent, times);
  }
  const gaps = [...goodAt.values()].flatMap((times) => {
    const sorted = [fromMs, ...times.sort((a, b) => a - b), toMs];
    return sorted.slice(1).map((time, i) => time - (sorted[i] as number));
  });
  return gaps.reduce((most, gap) => Math.max(most, gap), 0);
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
