/** What the runtime shows of its configuration. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface RuntimeMetrics {
  /** Declarations that a database refused after the start. */
  broken(count: number): void;
  /** A new state of the files was put in force, or was refused. */
  reloaded(isGood: boolean): void;
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
    help: 'New states of the configuration, by whether they were put in force.',
    labelNames: ['result'],
    registers,
  });
  const inForce = new Gauge({
    name: 'mcp2_configuration_current',
    help: '1 while the configuration in force is the one in the files, 0 while the files have a mistake.',
    registers,
  });
  inForce.set(1);
  return {
    broken: (count) => broken.set(count),
    reloaded(isGood) {
      reloads.inc({ result: isGood ? 'applied' : 'refused' });
      inForce.set(isGood ? 1 : 0);
    },
  };
}
