/**
 * The entry file of the worker thread that alone touches the database. Its name carries the extension of the file that
 * starts it: `.ts` in a checkout, `.js` in the published package.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { WorkerSettings } from './requests.ts';
import { serveStore } from './serve-store.ts';

if (import.meta.main) serve(parentPort);

function serve(port: MessagePort | null): void {
  if (port !== null) serveStore(port, workerData as WorkerSettings);
}
