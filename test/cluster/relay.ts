/**
 * Carries connections from 127.0.0.1 of the host into a node's network: `node relay.ts PORT`.
 *
 * A listening socket stays in the network namespace that it was made in. So the host listens, hands the socket over
 * (IPC) to this process, which runs in the node's namespace, and what this process connects to is inside. Without it
 * the host would need an interface into every cluster, with addresses that nobody else may use.
 */

import { connect, Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

if (import.meta.main) serve(Number(process.argv[2]));

function serve(port: number): void {
  process.once('message', (_message, server) => {
    if (server instanceof Server) server.on('connection', (outside: Socket) => relay(outside, port));
  });
  // The owner is gone.
  process.once('disconnect', () => process.exit());
  process.send?.('ready');
}

function relay(outside: Socket, port: number): void {
  const inside = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  outside.allowHalfOpen = true;
  outside.setNoDelay(true);
  // Each direction ends by itself; an error of one side ends both.
  pipeline(outside, inside, () => {});
  pipeline(inside, outside, () => {});
}
