/**
 * Frees names that nobody serves any more: a server record that Register wrote goes a day after its last instance.
 *
 * Until then the name stays its owner's, so that an outage of a night does not give it away. Every replica collects for
 * itself; the delete compares the revision that was seen, and Register writes the record anew when it brings the first
 * instance back, so several replicas and a late registration cannot hurt each other.
 */

import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { Keys } from '#lib/store/keys.ts';
import type { Revision, Store } from '#lib/store/store.ts';
import type { RegistrationIndex } from './registration-index.ts';

export interface CollectorSettings {
  /** Between two rounds. Default 10 minutes. */
  readonly intervalMs: number;
  /** How long a name must have been without instances, as this replica saw it. Default 24 hours. */
  readonly collectAfterMs: number;
}

export const DEFAULT_COLLECTOR: CollectorSettings = Object.freeze({
  intervalMs: 600_000,
  collectAfterMs: 86_400_000,
});

export interface CollectorOptions {
  readonly store: Pick<Store, 'transact'>;
  readonly keys: Keys;
  readonly index: Pick<RegistrationIndex, 'table'>;
  /** Nothing is deleted on the word of an index that may be out of date. */
  readonly staleness: { readonly isStale: boolean };
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: CollectorSettings;
}

interface Suspect {
  readonly modRevision: Revision;
  readonly sinceMs: number;
}

export class Collector {
  readonly #options: CollectorOptions;
  #suspects = new Map<string, Suspect>();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Collects until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, settings } = this.#options;
    while (!signal.aborted) {
      await this.collect().catch((error: unknown) => log.warn({ err: error }, 'names could not be collected'));
      await clock.sleep(settings.intervalMs, signal).catch(() => undefined);
    }
  }

  /** One round. */
  async collect(): Promise<void> {
    const { staleness, index, clock, settings } = this.#options;
    if (staleness.isStale) return;
    const nowMs = clock.monotonicMs();
    const suspects = new Map<string, Suspect>();
    for (const { record, modRevision } of index.table.namesWithoutInstances()) {
      const before = this.#suspects.get(foldServerName(record.name));
      const sinceMs = before?.modRevision === modRevision ? before.sinceMs : nowMs;
      suspects.set(foldServerName(record.name), { modRevision, sinceMs });
    }
    this.#suspects = suspects;
    for (const [name, { modRevision, sinceMs }] of suspects) {
      if (nowMs - sinceMs >= settings.collectAfterMs) await this.#free(name, modRevision);
    }
  }

  async #free(serverName: string, modRevision: Revision): Promise<void> {
    const { store, keys, log } = this.#options;
    const key = keys.server(serverName);
    const compares = [{ key, modRevision }];
    const { succeeded } = await store.transact({ compares, writes: [{ kind: 'delete', key }] });
    if (succeeded) log.info({ server: serverName }, 'a name without instances was freed');
  }
}
