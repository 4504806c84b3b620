/**
 * What can be said and done for one resource while the store of Discovery is away; needs nothing of a reign.
 */

import type { Clock } from '#lib/clock.ts';
import { keyOf } from '#lib/kube/object.ts';
import type { References, ResourceSource, SourcedServer } from '../source/source.ts';
import { countEndpoints, nothingSeen } from './count.ts';
import type { Observation } from './observation.ts';
import { resolve } from './resolve.ts';
import type { ParseMcp2Server } from './resource.ts';
import { StatusReporter } from './status-reporter.ts';

/** Removes the finalizer without touching Discovery: the documented way out when the store is gone for good. */
export const FORCE_FINALIZE = 'mcp2.dev/force-finalize';

export interface AwayOptions {
  readonly source: ResourceSource;
  readonly references: References;
  readonly parse: ParseMcp2Server;
  /** Standalone mode only. */
  readonly allowLoopback: boolean;
  readonly clock: Clock;
}

export class AwayReporter {
  readonly #options: AwayOptions;
  readonly #reporter: StatusReporter;

  constructor(options: AwayOptions) {
    this.#options = options;
    this.#reporter = new StatusReporter(options);
  }

  /** Says in the status of a resource that waits for the store that it is away. @throws errors of the source. */
  async report(key: string, signal: AbortSignal): Promise<void> {
    const { source, references, parse, allowLoopback } = this.#options;
    const server = source.get(key);
    if (!server) return;
    const parsed = parse(server, { allowLoopback, ignoreUnknownFields: true });
    const resolved = parsed.ok && (await resolve(parsed.ok, references, signal));
    const observation: Observation = {
      ...nothingSeen(server),
      parsed,
      ...(resolved ? { references: resolved.references, endpoints: countEndpoints(resolved) } : {}),
      registration: { kind: 'unavailable' },
    };
    await this.#reporter.reportAway(server, observation, signal);
  }

  /** Lets a deleted resource go whose owner does not want to wait; its records are left to the sweeper. */
  async letGo(key: string, signal: AbortSignal): Promise<void> {
    const server = this.#options.source.get(key);
    if (server && isForced(server)) await this.#options.source.removeFinalizer(server, signal);
  }

  /** The resources that Discovery does not show as they are now, so far as their statuses tell. */
  *outdated(): IterableIterator<string> {
    const { source } = this.#options;
    for (const server of source.all()) {
      const { generation, deletionTimestamp } = server.metadata;
      const isTold = source.statusOf(server)?.observedGeneration === generation;
      if (!isTold || deletionTimestamp !== undefined) yield keyOf(server);
    }
  }
}

/** True for a resource that is deleted and whose owner does not want to wait for the store. */
export function isForced({ metadata }: SourcedServer): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.annotations?.[FORCE_FINALIZE] === 'true';
}
