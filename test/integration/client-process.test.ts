/** A client in a process of its own: it leaves nothing behind that keeps the process, or its sockets, alive. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../cluster/run-command.ts';
import { mintFor } from '../harness/client-events.ts';
import { startDiscovery } from '../harness/discovery-fixture.ts';
import { ownName, startBus } from '../harness/event-bus.ts';
import { createCertificateAuthority } from '../harness/pki.ts';
import { freePort } from '../harness/ports.ts';
import { createWorkspace } from '../harness/processes.ts';

const PROGRAMS = join(import.meta.dirname, 'client');
const ROOT = join(import.meta.dirname, '../../');

async function run<T>(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<T> {
  const command = [join(PROGRAMS, program), ...args];
  const output = await runCommand(process.execPath, command, {
    env: { PATH: process.env.PATH, HOME: '/nowhere', ...env },
  });
  return JSON.parse(output) as T;
}

/** Accepts connections and never says a word, as a process does that was stopped. */
async function startSilentServer(): Promise<number> {
  const server: Server = createServer((socket) => socket.on('error', () => undefined).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('a program that has called, closed its client and has nothing else to do ends within a second', async () => {
  await using discovery = await startDiscovery();
  await discovery.serve('Db_One', {});
  const token = await discovery.tokens.mint({ sub: 'shop.agent' });
  const args = [`127.0.0.1:${discovery.registryProxy.port}`, 'db:inventory:read', 'inventory:p1:stock'];
  const { outcome, exitMs } = await run<{ outcome: string; exitMs: number }>('leave.ts', args, { MCP2_TOKEN: token });
  expect(outcome).toBe('answered');
  expect(exitMs).toBeLessThan(1_000);
});

test.each([
  ['refuses connections', freePort],
  ['accepts connections and says nothing', startSilentServer],
])('so does one whose registry %s', async (_title, start) => {
  const args = [`127.0.0.1:${await start()}`, 'db:inventory:read', 'inventory:p1:stock'];
  const { outcome, exitMs } = await run<{ outcome: string; exitMs: number }>('leave.ts', args, {
    MCP2_TOKEN: 'a token',
  });
  expect(outcome).toBe('failed');
  expect(exitMs).toBeLessThan(1_000);
});

test.each(['all', 'client'])('so does one that published and subscribed, and closed %s', async (what) => {
  await using bus = await startBus();
  const token = await mintFor(bus);
  const { outcome, exitMs } = await run<{ outcome: unknown; exitMs: number }>(
    'leave-events.ts',
    [bus.target, ownName(), what],
    { MCP2_TOKEN: token },
  );
  expect(outcome).toBe('1');
  expect(exitMs).toBeLessThan(1_000);
});

test.each([
  ['refuses connections', freePort],
  ['accepts connections and says nothing', startSilentServer],
])('so does one whose event bus %s', async (_title, start) => {
  const args = [`127.0.0.1:${await start()}`, 'a:topic', 'client'];
  const env = { MCP2_TOKEN: 'a token' };
  const { outcome, exitMs } = await run<{ outcome: unknown; exitMs: number }>('leave-events.ts', args, env);
  expect(outcome).toBe(false);
  expect(exitMs).toBeLessThan(1_000);
});

test('a thousand clients, each made after the last one failed, leave no socket', async () => {
  const { certificateFile } = await createCertificateAuthority(join(createWorkspace('client').folder, 'pki'));
  const [refusing, silent] = [await freePort(), await startSilentServer()];
  const runs = [
    ['refused', refusing, []],
    ['silent', silent, []],
    ['silent under TLS', silent, [certificateFile]],
  ] as const;
  for (const [name, port, more] of runs) {
    const count = name === 'refused' ? '1000' : '300';
    expect([name, await run('fail-often.ts', [`127.0.0.1:${port}`, count, ...more])]).toEqual([name, { left: 0 }]);
  }
});

/** Packages that a caller needs; everything that they bring along comes with them. */
const PACKAGES = ['@grpc/grpc-js', '@grpc/proto-loader', 'lru-cache'];
const BROUGHT_ALONG = /^(?:@protobufjs\/.*|protobufjs|long|lodash\.camelcase|@js-sdsl\/.*)$/;

test('importing the client loads no operator, no service, and no package that only servers need', async () => {
  const loaded = await run<string[]>('loaded.ts', []);
  const packages = new Set(loaded.flatMap((path) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
  expect([...packages].filter((name) => !BROUGHT_ALONG.test(name)).sort()).toEqual(PACKAGES);
  const own = loaded.filter((path) => path.startsWith(ROOT)).map((path) => path.slice(ROOT.length));
  expect(own).toContain('sdk/client/index.ts');
  const folders =
    /^(?:sdk\/client|services\/lib\/(?:capability|card|config|grpc|json-schema|net|token)|protos|test)\/|^services\/lib\/[^/]+$/;
  expect(own.filter((path) => !folders.test(path) && !path.startsWith('node_modules/'))).toEqual([]);
});
