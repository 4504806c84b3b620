/** What the tool modules of a server count. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface ModuleMetrics {
  /** It has tools, and no process yet. A rate needs a value before the first end. */
  declared(module: string): void;
  /** @param result "ok", "failed" (success: false), "cancelled", or the reason of the error. */
  called(module: string, result: string): void;
  started(module: string): void;
  /** @param cause "idle", "replaced", or what ended it. */
  ended(module: string, cause: string): void;
  /** @param change 1 or -1. */
  waiting(module: string, change: number): void;
  dropped(module: string, lines: number): void;
}

/** Of the alert Mcp2ModulesEnd. */
const ALERTED_CAUSES = ['memory', 'crash', 'exit', 'rejection', 'load'];

/** @throws when this collection has them already: one collection a service. */
export function createModuleMetrics(metrics: Registry): ModuleMetrics {
  const registers = [metrics];
  const calls = new Counter({
    name: 'mcp2_module_calls_total',
    help: 'Calls of tool modules by result: ok, failed (the tool said so), cancelled, or the reason of the error.',
    labelNames: ['module', 'result'],
    registers,
  });
  const children = new Gauge({
    name: 'mcp2_module_children',
    help: 'Child processes of a tool module.',
    labelNames: ['module'],
    registers,
  });
  const ends = new Counter({
    name: 'mcp2_module_children_ended_total',
    help: 'Child processes that ended: idle, replaced, timeout, cancelled, exit, memory, crash, rejection, load.',
    labelNames: ['module', 'cause'],
    registers,
  });
  const waiting = new Gauge({
    name: 'mcp2_module_calls_waiting',
    help: 'Calls that wait for a child process of a tool module.',
    labelNames: ['module'],
    registers,
  });
  const dropped = new Counter({
    name: 'mcp2_module_log_lines_dropped_total',
    help: 'Log lines of a tool module beyond 1,000 a second.',
    labelNames: ['module'],
    registers,
  });
  return {
    declared(module) {
      children.inc({ module }, 0);
      for (const cause of ALERTED_CAUSES) ends.inc({ module, cause }, 0);
    },
    called: (module, result) => calls.inc({ module, result }),
    started: (module) => children.inc({ module }),
    ended: (module, cause) => {
      children.dec({ module });
      ends.inc({ module, cause });
    },
    waiting: (module, change) => waiting.inc({ module }, change),
    dropped: (module, lines) => dropped.inc({ module }, lines),
  };
}
