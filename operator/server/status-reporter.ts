/**
 * Tells people what a visit found: the status of the resource, and one Event for each condition that turned.
 */
import type { Clock } from '#lib/clock.ts';
import type { ResourceSource, SourcedServer } from '../source/source.ts';
import { conditionsWhileAway } from './conditions.ts';
import type { Observation } from './observation.ts';
import { type Condition, type Mcp2ServerStatus, serverNameOf } from './resource.ts';
import { buildStatus, flips, type StatusInput } from './status.ts';

export interface StatusReporterOptions {
  readonly source: Pick<ResourceSource, 'statusOf' | 'writeStatus' | 'recordEvent'>;
  readonly clock: Clock;
}

/** What a visit found; what it leaves out is not known. */
export type Findings = Pick<StatusInput, 'observation'> & Partial<Pick<StatusInput, 'registered' | 'verdicts'>>;

export class StatusReporter {
  readonly #options: StatusReporterOptions;

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  /** Writes only what changed. @throws the source's error. */
  async report(server: SourcedServer, findings: Findings, signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#options;
    const previous = source.statusOf(server);
    const { parsed } = findings.observation;
    const status = buildStatus({
      previous,
      serverName: parsed?.ok ? serverNameOf(parsed.ok) : (previous?.serverName ?? server.metadata.name),
      registered: undefined,
      verdicts: [],
      nowMs: clock.nowMs(),
      ...findings,
    });
    await this.#write(server, status, signal);
  }

  /** Says that the store is away and leaves all else as it was last seen. @throws the source's error. */
  async reportAway(server: SourcedServer, observation: Observation, signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#options;
    const status = source.statusOf(server);
    const previous = status?.conditions ?? [];
    if (previous.length === 0) return this.report(server, { observation }, signal);
    const conditions = conditionsWhileAway({ observation, previous, nowMs: clock.nowMs() });
    return this.#write(server, { ...status, conditions }, signal);
  }

  async #write(server: SourcedServer, status: Mcp2ServerStatus, signal: AbortSignal): Promise<void> {
    const { source } = this.#options;
    const before = source.statusOf(server)?.conditions ?? [];
    await source.writeStatus(server, status, signal);
    for (const condition of flips(before, status.conditions ?? [])) {
      const { type, status: now, reason, message } = condition;
      source.recordEvent(server, {
        type: levelOf(condition, before),
        reason,
        message: `${type} is ${now}: ${message}`,
      });
    }
  }
}

/** What is wrong, or was right and is not known any more, is a warning. */
function levelOf({ type, status }: Condition, before: readonly Condition[]): 'Normal' | 'Warning' {
  if (status === 'True') return 'Normal';
  const wasTrue = before.some((condition) => condition.type === type && condition.status === 'True');
  return status === 'False' || wasTrue ? 'Warning' : 'Normal';
}
