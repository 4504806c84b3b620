/** The entry file of the thread that alone writes the embedded log. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '#lib/clock.ts';
import type { WriterSettings } from './messages.ts';
import { serveWriter } from './serve-writer.ts';

if (import.meta.main) serve(parentPort);

function serve(port: MessagePort | null): void {
  if (port !== null) serveWriter(port, workerData as WriterSettings, systemClock);
}
