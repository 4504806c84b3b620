/** What the event bus counts, besides its calls and what its log counts. */
import { Counter, type Registry } from 'prom-client';
import { readGauge } from '#lib/observe/read-gauge.ts';
import type { Durables } from './durable/durables.ts';
import type { Tail } from './tail/tail.ts';

export interface MetricsSources {
  readonly metrics: Registry;
  readonly tail: Pick<Tail, 'events' | 'bytes'>;
  readonly durables: Pick<Durables, 'attached'>;
}

export interface EventBusMetrics {
  published(result: 'published' | 'duplicate'): void;
  /** Envelopes handed to a stream, control envelopes left out. */
  delivered(events: number): void;
  redelivered(events: number): void;
  parked(reason: 'term' | 'max_deliver'): void;
  slowConsumer(): void;
  streamOpened(): void;
  streamClosed(): void;
}

/** @throws when this collection has them already: one collection a service. */
export function createEventBusMetrics({ metrics, tail, durables }: MetricsSources): EventBusMetrics {
  const counts = { published: 0, duplicate: 0, delivered: 0, redelivered: 0, term: 0, max_deliver: 0, slow: 0 };
  let streams = 0;
  const gauge = (name: string, help: string, read: () => number) => readGauge(metrics, name, help, read);
  gauge('mcp2_event_bus_streams', 'Open streams of Subscribe.', () => streams);
  gauge('mcp2_event_bus_durables_active', 'Durable subscriptions with an open stream.', () => durables.attached);
  gauge('mcp2_event_bus_tail_events', 'Events in memory for live delivery.', () => tail.events);
  gauge('mcp2_event_bus_tail_bytes', 'Size of the events in memory.', () => tail.bytes);
  const counter = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>) =>
    readCounter(metrics, { name, help, label, read });
  counter('mcp2_event_bus_published_total', 'Publishes by result.', 'result', () => ({
    published: counts.published,
    duplicate: counts.duplicate,
  }));
  counter('mcp2_event_bus_delivered_total', 'Events handed to subscribers, by whether again.', 'kind', () => ({
    first: counts.delivered - counts.redelivered,
    again: counts.redelivered,
  }));
  counter('mcp2_event_bus_parked_total', 'Events set aside, by reason.', 'reason', () => ({
    term: counts.term,
    max_deliver: counts.max_deliver,
  }));
  counter('mcp2_event_bus_slow_consumers_total', 'Streams ended since their reader took nothing.', '', () => ({
    '': counts.slow,
  }));
  return {
    published(result) {
      counts[result] += 1;
    },
    delivered(events) {
      counts.delivered += events;
    },
    redelivered(events) {
      counts.redelivered += events;
    },
    parked(reason) {
      counts[reason] += 1;
    },
    slowConsumer() {
      counts.slow += 1;
    },
    streamOpened() {
      streams += 1;
    },
    streamClosed() {
      streams -= 1;
    },
  };
}

interface ReadCounter {
  readonly name: string;
  readonly help: string;
  /** Empty: the counter has one value. */
  readonly label: string;
  readonly read: () => Readonly<Record<string, number>>;
}

/** Plain numbers on the way of an event, looked up when somebody scrapes. */
function readCounter(metrics: Registry, { name, help, label, read }: ReadCounter): void {
  new Counter({
    name,
    help,
    labelNames: label === '' ? [] : [label],
    registers: [metrics],
    collect() {
      this.reset();
      for (const [value, count] of Object.entries(read())) {
        if (label === '') this.inc(count);
        else this.inc({ [label]: value }, count);
      }
    },
  });
}
