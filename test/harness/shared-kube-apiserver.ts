/**
 * One API server for all test files of a run: the runner's main process starts it when the first file asks, and
 * stops it at the end. Files stay independent by working in namespaces of their own; a file that injures its API
 * server (stops it, pauses it, fills it) starts one with startKubeApiserver().
 */

import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { type KubeApiserver, startKubeApiserver } from './kube-apiserver.ts';
import { type KubeEndpoint, type KubeEndpointAddress, openKubeEndpoint } from './kube-endpoint.ts';
import { createWorkspace } from './processes.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Unix socket that answers with a KubeEndpointAddress. */
    sharedKubeApiserverSocket: string;
  }
}

type SharedEndpoint = KubeEndpointAddress | { readonly error: string };

/** For test files. Starts it when no other file has. */
export async function sharedKubeApiserver(): Promise<KubeEndpoint> {
  const answer = JSON.parse(await text(createConnection(inject('sharedKubeApiserverSocket')))) as SharedEndpoint;
  if ('error' in answer) throw new Error(answer.error);
  return openKubeEndpoint(answer);
}

interface SharedKubeApiserverHost extends AsyncDisposable {
  readonly socketPath: string;
}

/** For a global setup: hosts it, tells the project's files where it is, and returns the teardown. */
export async function shareKubeApiserver(project: TestProject): Promise<() => Promise<void>> {
  const host = await hostSharedKubeApiserver();
  project.provide('sharedKubeApiserverSocket', host.socketPath);
  return async () => host[Symbol.asyncDispose]();
}

/** For the runner's main process. A Unix socket in a folder of mode 0700: the answer is a secret. */
async function hostSharedKubeApiserver(): Promise<SharedKubeApiserverHost> {
  const socketPath = join(createWorkspace('shared').folder, 'kube-apiserver.sock');
  let started: Promise<KubeApiserver> | undefined;
  const answer = async (): Promise<SharedEndpoint> => {
    started ??= startKubeApiserver();
    return started.then(
      ({ admin, folder }) => ({ admin, folder }),
      (error: unknown) => ({ error: `the shared kube-apiserver did not start: ${String(error)}` }),
    );
  };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    void answer().then((reply) => socket.end(JSON.stringify(reply)));
  });
  await listen(server, socketPath);
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      server.close();
      const apiserver = await started?.catch(() => undefined);
      await apiserver?.[Symbol.asyncDispose]();
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
