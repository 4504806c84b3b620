/**
 * Free ports for processes that must be told their port before they start, and keep it over a restart.
 *
 * Never from the kernel's ephemeral range (Linux 32768-60999, macOS 49152-65535): there a client's outgoing
 * connection can take the port of a server that is down for a moment, or even connect to itself. A port is free
 * when it is handed out; two test files that pick the same one at the same time is left to chance (1 in 18,000)
 * and shows as a start that fails with "address already in use".
 */

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const LOWEST = 12_000;
const HIGHEST = 29_999;
const MAXIMUM_ATTEMPTS = 200;

/** `count` different ports that nobody listens on at 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; attempt < MAXIMUM_ATTEMPTS && found.size < count; attempt++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  if (found.size < count) throw new Error(`no ${count} free ports between ${LOWEST} and ${HIGHEST}`);
  return [...found];
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
