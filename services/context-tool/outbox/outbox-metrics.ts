/** What the outboxes of one process count: made once, since a reload makes them anew. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { OutboxReport } from './outbox-state.ts';

export interface OutboxMeter {
  published(count: number): void;
  failed(count: number): void;
  /** Read at each scrape, until `end`. */
  watch(report: () => OutboxReport): void;
  end(): void;
}

export interface OutboxMetrics {
  /** @param outbox "inventory", or "inventory-2" for the second of a database. */
  forOutbox(outbox: string): OutboxMeter;
}

/** @throws when this collection has them already: one collection a process. */
export function createOutboxMetrics(metrics: Registry): OutboxMetrics {
  const watched = new Map<string, () => OutboxReport>();
  const registers = [metrics];
  const labelNames = ['outbox'] as const;
  const gauge = (name: string, help: string, value: (report: OutboxReport) => number) =>
    new Gauge({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        for (const [outbox, report] of watched) this.set({ outbox }, value(report()));
      },
    });
  gauge('mcp2_outbox_blocked', '1 while an outbox stands at a row that can never be published.', ({ isBlocked }) =>
    isBlocked ? 1 : 0,
  );
  gauge(
    'mcp2_outbox_age_seconds',
    'How long the first row of an outbox waits, as far as this process has seen it.',
    ({ ageSeconds }) => ageSeconds,
  );
  gauge(
    'mcp2_outbox_unable_seconds',
    'Since when an outbox could not be drained: the event bus, the token, the database or a row.',
    ({ unableSeconds }) => unableSeconds,
  );
  const published = new Counter({
    ...{ name: 'mcp2_outbox_published_total', labelNames, registers },
    help: 'Rows that became events.',
  });
  const failed = new Counter({
    ...{ name: 'mcp2_outbox_failed_total', labelNames, registers },
    help: 'Rows that can never be published and were set aside by "failed".',
  });
  return {
    forOutbox(outbox) {
      let own: (() => OutboxReport) | undefined;
      published.inc({ outbox }, 0);
      failed.inc({ outbox }, 0);
      return {
        published: (count) => published.inc({ outbox }, count),
        failed: (count) => failed.inc({ outbox }, count),
        watch(report) {
          own = report;
          watched.set(outbox, report);
        },
        end() {
          if (watched.get(outbox) === own) watched.delete(outbox);
        },
      };
    },
  };
}
