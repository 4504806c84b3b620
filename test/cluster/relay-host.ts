/**
 * The host's side of relay.ts: a port of 127.0.0.1 that leads to the API server in the first node's network.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../harness/ports.ts';
import { APISERVER_PORT } from './cluster-plan.ts';
import type { TestNode } from './test-node.ts';

export interface Relay {
  readonly port: number;
  /** Into the node's new namespaces, after it was killed and has come back. */
  reconnect(node: TestNode): Promise<void>;
}

export async function startRelay(node: TestNode): Promise<Relay> {
  const port = await freePort();
  await spawnRelay(node, port);
  return { port, reconnect: (again) => spawnRelay(again, port) };
}

async function spawnRelay({ initPid }: TestNode, port: number): Promise<void> {
  const listening = await listen(port);
  // Also the node's processes: it must end with the node, or it would keep its network alive.
  const enter = ['--target', String(initPid), '--net', '--pid', '--'];
  const relay = [process.execPath, join(import.meta.dirname, 'relay.ts'), String(APISERVER_PORT)];
  const child = spawn('nsenter', [...enter, ...relay], {
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the relay to the API server ended with exit code ${code}`);
  });
  await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {});
  await new Promise<void>((resolve, reject) => {
    child.send('listen', listening, (error) => (error === null ? resolve() : reject(error)));
  });
  listening.close();
  child.unref();
  child.channel?.unref();
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
