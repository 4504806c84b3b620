/** What the runtime shows of its configuration. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface RuntimeMetrics {
  /** Declarations that a database refused after the start. */
  broken(count: number): void;
  /** A new state of the files was put in force. */
  applied(): void;
  /** What is in the files has a mistake. */
  refused(): void;
  /** What is in the files is in force again, since somebody put it back. */
  current(): void;
}

export function createRuntimeMetrics(metrics: Registry): RuntimeMetrics {
  const registers = [metrics];
  const broken = new Gauge({
    name: 'mcp2_broken_declarations',
    help: 'Contexts and tools that their database refused when it came back.',
    registers,
  });
  const reloads = new Counter({
    name: 'mcp2_configuration_reloads_total',
    help: 'New states of the configuration after the start: applied, or refused with other mistakes than before.',
    labelNames: ['result'],
    registers,
  });
  const inForce = new Gauge({
    name: 'mcp2_configuration_current',
    help: '1 while the configuration in force is the one in the files, 0 while the files have a mistake.',
    registers,
  });
  for (const result of ['applied', 'refused']) reloads.inc({ result }, 0);
  inForce.set(1);
  return {
    broken: (count) => broken.set(count),
    applied() {
      reloads.inc({ result: 'applied' });
      inForce.set(1);
    },
    refused() {
      reloads.inc({ result: 'refused' });
      inForce.set(0);
    },
    current: () => inForce.set(1),
  };
}
