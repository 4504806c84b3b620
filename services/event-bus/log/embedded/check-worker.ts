/** The entry file of the thread that checks a big log while it is used. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '#lib/sqlite/errors.ts';
import type { LogPlace } from './errors.ts';
import { LogConnection } from './log-connection.ts';

if (import.meta.main) check(parentPort);

function check(port: MessagePort | null): void {
  port?.postMessage(findDamage(workerData as LogPlace));
  port?.close();
}

/** @returns what is wrong; undefined when nothing is. */
function findDamage({ database }: LogPlace): string | undefined {
  let connection: LogConnection | undefined;
  try {
    connection = LogConnection.openReader(database);
    return connection.findDamage();
  } catch (error) {
    return messageOf(error);
  } finally {
    connection?.close();
  }
}
