/**
 * Kubernetes Events: what `kubectl describe` shows at the end. They are news for people, so recording one never
 * fails, never waits and never holds anything up: what cannot be written soon is dropped and counted.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '../logger.ts';
import type { KubeApi } from './api.ts';
import { isConflict, isNotFound } from './api-error.ts';
import { type EventSeries, EventSeriesTracker, type EventToRecord } from './event-series.ts';
import { formatMicroTime } from './micro-time.ts';
import { EVENTS } from './object.ts';

export interface EventRecorderOptions {
  readonly api: Pick<KubeApi, 'create' | 'mergePatch'>;
  /** For example "mcp2.dev/operator". */
  readonly reportingController: string;
  /** The pod's name. At most 128 characters. */
  readonly reportingInstance: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly onDropped?: () => void;
}

/** Where the API server has a series. */
interface Place {
  readonly namespace: string;
  readonly name: string;
}

const MAX_WAITING = 500;
const WRITE_DEADLINE_MS = 5_000;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #tracker = new EventSeriesTracker();
  readonly #waiting = new Set<EventSeries>();
  /** Dies with its series. */
  readonly #places = new WeakMap<EventSeries, Place>();
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Never throws and never waits. */
  record(event: EventToRecord): void {
    const series = this.#tracker.admit(event, this.#options.clock.nowMs());
    if (series === undefined || (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(series))) {
      this.#options.onDropped?.();
      return;
    }
    this.#waiting.add(series);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when everything recorded so far is written or given up. Never rejects. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** One at a time: events must not compete with the work they tell of. Never rejects. */
  async #writeAll(): Promise<void> {
    for (;;) {
      const next = this.#waiting.values().next();
      if (next.done) return;
      // Repeats from here on put it into the line again.
      this.#waiting.delete(next.value);
      try {
        await this.#write(next.value);
      } catch (error) {
        this.#options.onDropped?.();
        this.#options.log.debug({ err: error, reason: next.value.event.reason }, 'an Event could not be written');
      }
    }
  }

  async #write(series: EventSeries): Promise<void> {
    const place = this.#places.get(series);
    if (place !== undefined && (await this.#countUp(place, series))) return;
    const name = this.#newName(series);
    const namespace = series.event.regarding.metadata.namespace ?? 'default';
    try {
      await this.#options.api.create(EVENTS, this.#toEvent(series, { namespace, name }), CALL);
    } catch (error) {
      // The name is new, so it exists because a try of ours succeeded.
      if (!isConflict(error)) throw error;
    }
    this.#places.set(series, { namespace, name });
  }

  /** @returns false when the API server has deleted the Event (they live for an hour). */
  async #countUp(place: Place, series: EventSeries): Promise<boolean> {
    try {
      await this.#options.api.mergePatch(EVENTS, place, { series: toSeries(series) }, CALL);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  #toEvent(series: EventSeries, metadata: Place) {
    const { reportingController, reportingInstance } = this.#options;
    const { regarding, type, reason, action } = series.event;
    const { name, namespace, uid, resourceVersion } = regarding.metadata;
    return {
      metadata,
      eventTime: formatMicroTime(series.firstMs),
      reportingController,
      reportingInstance,
      type,
      reason,
      action,
      note: series.note,
      regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, name, namespace, uid, resourceVersion },
      ...(series.count > 1 ? { series: toSeries(series) } : {}),
    };
  }

  /** At most 253 characters, unique without asking anybody. */
  #newName({ event }: EventSeries): string {
    const { clock, random } = this.#options;
    const unique = Math.floor(random() * 2 ** 32).toString(16);
    const base = event.regarding.metadata.name.slice(0, 225).replace(/[^a-z0-9]+$/, '');
    return `${base}.${clock.nowMs().toString(16)}-${unique}`;
  }
}

const CALL = Object.freeze({ deadlineMs: WRITE_DEADLINE_MS });

function toSeries({ count, lastMs }: EventSeries) {
  return { count, lastObservedTime: formatMicroTime(lastMs) };
}
