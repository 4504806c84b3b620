/** The entry file of the thread that reads the embedded log. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { LogPlace } from './errors.ts';
import { serveReader } from './serve-reader.ts';

if (import.meta.main) serve(parentPort);

function serve(port: MessagePort | null): void {
  if (port !== null) serveReader(port, workerData as LogPlace);
}
