/** Ports on 127.0.0.1: the wanted one, or the next that is free. */
import { createServer } from 'node:net';
import { CommandFailed } from '../failure.ts';

/** How far a default port may move. */
const MAX_MOVES = 20;

/** @throws CommandFailed when neither the port nor one of the 20 after it is free. */
export async function firstFreePort(wanted: number, option = '--port'): Promise<number> {
  for (let port = wanted; port <= wanted + MAX_MOVES; port += 1) if (await isFree(port)) return port;
  throw new CommandFailed(
    `the ports ${wanted} to ${wanted + MAX_MOVES} are all in use; name a free one with ${option}`,
  );
}

/** @throws CommandFailed naming the option. */
export async function requireFreePort(port: number, option: string): Promise<number> {
  if (port === 0 || (await isFree(port))) return port;
  throw new CommandFailed(
    `port ${port} is in use: stop the process that has it, or choose another port with ${option}`,
  );
}

/** True when it could be listened on a moment ago. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
