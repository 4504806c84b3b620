/**
 * The configuration in force, and how another one takes its place: everything at one moment, or nothing.
 *
 * A new one is opened and checked beside the old; only then new calls go to it. Calls that run end on the old one, which is
 * closed behind them.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { createOffer, type Offer } from '#sdk/server/offer.ts';
import type { Problem, RuntimeConfig } from './config/runtime-config.ts';
import { declare, placeProblem } from './declarations.ts';
import { type OutboxDependencies, Outboxes } from './outbox/outboxes.ts';
import type { RuntimeMetrics } from './runtime-metrics.ts';
import { openSources, type SourceDependencies, type Sources } from './sources.ts';
import { checkStatements, followUnreachable } from './statements.ts';

export interface RuntimeDependencies extends SourceDependencies, OutboxDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: RuntimeMetrics;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface Loaded {
  readonly config: RuntimeConfig;
  readonly offer: Offer;
  readonly sources: Sources;
  /** Databases that did not answer yet. */
  readonly unreachable: readonly string[];
}

export interface NotLoaded {
  readonly problems: readonly Problem[];
  /** See `Sources`: a change of one may put it right. */
  readonly moduleFiles: readonly string[];
}

export type LoadResult = Loaded | NotLoaded;

/** Opens and checks; what is wrong leaves nothing open. @throws the signal's reason */
export async function loadConfiguration(
  config: RuntimeConfig,
  dependencies: RuntimeDependencies,
  signal: AbortSignal,
): Promise<LoadResult> {
  const sources = openSources(config, dependencies);
  let isKept = false;
  try {
    const result = createOffer(declare(config, sources));
    if (!result.ok) {
      return { problems: result.problems.map((problem) => placeProblem(problem, config)), moduleFiles: [] };
    }
    const { problems, unreachable } = await check(sources, signal, dependencies.clock);
    if (problems.length > 0) return { problems, moduleFiles: sources.moduleFiles() };
    isKept = true;
    return { config, offer: result.offer, sources, unreachable };
  } finally {
    if (!isKept) await sources.close(signal);
  }
}

async function check(sources: Sources, signal: AbortSignal, clock: Clock) {
  const [statements, modules] = await Promise.all([
    checkStatements(sources.databases, signal, clock),
    sources.checkModules(signal),
  ]);
  return { problems: [...statements.problems, ...modules], unreachable: statements.unreachable };
}

/** What was loaded, while it is in force and until its last call has ended. */
export class InForce {
  readonly #loaded: Loaded;
  readonly #ended = new AbortController();
  readonly #following: Promise<void>;
  readonly #outboxes: Outboxes;

  /** @param after Rows are published from then on: when those of the configuration before are settled. */
  constructor(loaded: Loaded, dependencies: RuntimeDependencies, after: Promise<void> = Promise.resolve()) {
    this.#loaded = loaded;
    this.#outboxes = new Outboxes(loaded.config, loaded.sources.outboxes, dependencies);
    this.#outboxes.start(after);
    const { metrics } = dependencies;
    metrics.broken(0);
    this.#following = followUnreachable(loaded.sources.databases, loaded.unreachable, this.#ended.signal, {
      ...dependencies,
      onBroken: metrics.broken,
    });
  }

  /** Publishes no further row. Resolves when those on their way are settled, within a few seconds. */
  endEvents(): Promise<void> {
    return this.#outboxes.stop();
  }

  /** @param signal Ends at once what still runs in modules. */
  async close(signal: AbortSignal): Promise<void> {
    this.#ended.abort(new Error('the configuration is no longer in force'));
    await Promise.all([this.#following, this.#outboxes.stop()]);
    await this.#loaded.sources.close(signal);
  }
}
