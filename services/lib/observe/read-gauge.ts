import { Gauge, type Registry } from 'prom-client';

/**
 * A gauge whose value is looked up when somebody scrapes, so that nothing is done for it on the way of a call.
 *
 * @throws when the collection has one of this name already
 */
export function readGauge(metrics: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [metrics],
    collect() {
      this.set(read());
    },
  });
}
