/**
 * The event bus: publishing beside JetStream and beside SQLite alone, how soon an event comes, fan-out beside a plain bus
 * (P8) and NATS core (P9), what a subscriber that takes nothing costs the others (P17), and its bounds in time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureFanOut } from './event-bus/fan-out.ts';
import { measureLatency } from './event-bus/latency.ts';
import { measureLog } from './event-bus/log-bench.ts';
import { measurePublishing } from './event-bus/publishing.ts';
import type { Setting } from './event-bus/setting.ts';
import { measureTimeBounds } from './event-bus/time-bounds.ts';
import type { BenchOptions } from './options.ts';
import type { Comparison } from './rounds.ts';

const PARTS: readonly ((setting: Setting) => Promise<void>)[] = [
  measureLog,
  measureLatency,
  measurePublishing,
  measureFanOut,
  measureTimeBounds,
];

export async function runEventBusBench(options: BenchOptions, report: (comparison: Comparison) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-bench-bus-'));
  try {
    for (const measurePart of PARTS) {
      await using running = new AsyncDisposableStack();
      await measurePart({ options, report, running, folder });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
