import type { RuntimeConfig } from '../config/runtime-config.ts';

/** "inventory", or "inventory-2" for the second outbox of that database: for metrics, the log, and what replicas agree on. */
export function outboxName(events: RuntimeConfig['events'], index: number): string {
  const { database = '' } = events[index] ?? {};
  const before = events.slice(0, index).filter((other) => other.database === database).length;
  return before === 0 ? database : `${database}-${before + 1}`;
}
