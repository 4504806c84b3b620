/**
 * Which events are worth an object of their own: repeats count up in one, a flood of similar ones is combined, and
 * one resource can only say so much. Pure; the limits are client-go's.
 */
import { LRUCache } from 'lru-cache';
import type { KubeObject } from './object.ts';

export interface EventToRecord {
  readonly regarding: KubeObject & { readonly apiVersion: string; readonly kind: string };
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, why. At most 128 characters. */
  readonly reason: string;
  /** CamelCase, what the operator did or failed to do. At most 128 characters. */
  readonly action: string;
  /** A sentence for people; cut at 1,024 bytes. */
  readonly note: string;
}

/** One Event object, and how often it happened. */
export interface EventSeries {
  readonly event: EventToRecord;
  readonly note: string;
  readonly firstMs: number;
  count: number;
  lastMs: number;
}

const BURST = 25;
const REFILL_MS = 300_000;
const WINDOW_MS = 600_000;
/** More different notes than this for one reason within the window are combined. */
const MAX_ALIKE = 10;
const MAX_REMEMBERED = 4_096;
const COMBINED = '(combined from similar events): ';
const MAX_NOTE_BYTES = 1_024;

interface Allowance {
  tokens: number;
  atMs: number;
}

interface Group {
  readonly sinceMs: number;
  readonly notes: Set<string>;
}

export class EventSeriesTracker {
  readonly #allowances = new LRUCache<string, Allowance>({ max: MAX_REMEMBERED });
  readonly #groups = new LRUCache<string, Group>({ max: MAX_REMEMBERED });
  readonly #series = new LRUCache<string, EventSeries>({ max: MAX_REMEMBERED });

  /** @returns the series to write, with its new count; undefined when the resource has said enough. */
  admit(event: EventToRecord, nowMs: number): EventSeries | undefined {
    const { uid, namespace = '', name } = event.regarding.metadata;
    const object = JSON.stringify([event.regarding.kind, namespace, name, uid]);
    const group = JSON.stringify([object, event.type, event.reason, event.action]);
    const isFlood = this.#isFlood(group, event.note, nowMs);
    const key = isFlood ? group : JSON.stringify([group, event.note]);
    const series = this.#count(key, event, isFlood, nowMs);
    return this.#take(object, nowMs) ? series : undefined;
  }

  #isFlood(key: string, note: string, nowMs: number): boolean {
    let group = this.#groups.get(key);
    if (group === undefined || nowMs - group.sinceMs > WINDOW_MS) {
      group = { sinceMs: nowMs, notes: new Set() };
      this.#groups.set(key, group);
    }
    if (group.notes.size <= MAX_ALIKE) group.notes.add(note);
    return group.notes.size > MAX_ALIKE;
  }

  #count(key: string, event: EventToRecord, isFlood: boolean, nowMs: number): EventSeries {
    const known = this.#series.get(key);
    if (known !== undefined && nowMs - known.lastMs <= WINDOW_MS) {
      known.count += 1;
      known.lastMs = nowMs;
      return known;
    }
    const note = cutToBytes(isFlood ? `${COMBINED}${event.note}` : event.note, MAX_NOTE_BYTES);
    const series = { event, note, firstMs: nowMs, count: 1, lastMs: nowMs };
    this.#series.set(key, series);
    return series;
  }

  #take(object: string, nowMs: number): boolean {
    const before = this.#allowances.get(object) ?? { tokens: BURST, atMs: nowMs };
    const tokens = Math.min(BURST, before.tokens + (nowMs - before.atMs) / REFILL_MS);
    const isAllowed = tokens >= 1;
    this.#allowances.set(object, { tokens: isAllowed ? tokens - 1 : tokens, atMs: nowMs });
    return isAllowed;
  }
}

function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  // The cut may split a character; what is left of it decodes to U+FFFD and is dropped.
  return `${bytes
    .subarray(0, maxBytes - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
