/**
 * Loaded before a program (`node --import file://…?out=FILE`): writes how long its event loop stood still, ten times a
 * second, as `{"longestMs", "p99Ms"}`. A file beside it named FILE.reset begins anew.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 10;

if (isMainThread) {
  const out = new URL(import.meta.url).searchParams.get('out');
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const toMs = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  setInterval(() => {
    if (existsSync(`${out}.reset`)) {
      rmSync(`${out}.reset`);
      delays.reset();
      return;
    }
    if (delays.count === 0) return;
    const figures = { longestMs: toMs(delays.max), p99Ms: toMs(delays.percentile(99)) };
    writeFileSync(`${out}.next`, JSON.stringify(figures));
    renameSync(`${out}.next`, out);
  }, 100).unref();
}
