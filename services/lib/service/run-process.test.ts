import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { ConfigError } from '../config/env-reader.ts';
import { ServiceError } from '../errors.ts';
import { ListenError } from '../net/listen-address.ts';
import type { HostProcess } from './host-process.ts';
import { runJob } from './run-job.ts';
import { type ProcessOptions, runProcess } from './run-process.ts';

const SETTINGS = { logLevel: 'silent' } as const;

/** A process that notes how it was ended, and does not end. */
function createHost() {
  const exits: number[] = [];
  const said: string[] = [];
  const host: HostProcess & EventEmitter = Object.assign(new EventEmitter(), {
    env: {},
    stderr: { write: (text: string) => said.push(text) },
    exit: (code: number) => void exits.push(code),
  });
  return { host, exits, said };
}

async function run(host: HostProcess, start: ProcessOptions<typeof SETTINGS>['start']): Promise<void> {
  await runProcess(host, { name: 'test', readConfig: () => SETTINGS, start });
}

test('a signal stops the service, then closes what it used, newest first, and ends with 0', async () => {
  const { host, exits } = createHost();
  const ended: string[] = [];
  const closable = (name: string) => Promise.resolve({ close: () => void ended.push(name) });
  await run(host, async (_settings, { open }) => {
    await open('first', closable('first'));
    await open('second', closable('second'));
    return { stop: async () => void ended.push('service') };
  });
  expect(exits).toEqual([]);
  host.emit('SIGTERM', 'SIGTERM');
  await expect.poll(() => exits).toEqual([0]);
  expect(ended).toEqual(['service', 'second', 'first']);
});

test('a service that does not stop ends the process with 1', async () => {
  const { host, exits } = createHost();
  await run(host, async () => ({ stop: () => Promise.reject(new Error('stuck')) }));
  host.emit('SIGINT', 'SIGINT');
  await expect.poll(() => exits).toEqual([1]);
});

test('a signal during the start ends the process in order; what the start says then is not heard', async () => {
  const { host, exits, said } = createHost();
  const closed = Promise.withResolvers<never>();
  const starting = run(host, async (_settings, { open }) => {
    await open('store', Promise.resolve({ close: () => closed.reject(new Error('the store was closed')) }));
    host.emit('SIGTERM', 'SIGTERM');
    return closed.promise;
  });
  await starting;
  await expect.poll(() => exits).toEqual([0]);
  expect(said).toEqual([]);
});

test('a process that must end at once does, with its own exit code', async () => {
  const { host, exits } = createHost();
  const replaced = Promise.withResolvers<number>();
  await run(host, async () => ({ stop: async () => {}, ended: replaced.promise }));
  replaced.resolve(3);
  await expect.poll(() => exits).toEqual([3]);
});

test('a service that never becomes ready because of an error ends the process', async () => {
  const { host, exits, said } = createHost();
  await run(host, async () => ({ stop: async () => {}, ready: Promise.reject(new ConfigError(['no'])) }));
  expect(exits).toEqual([1]);
  expect(said.join('')).toBe('mcp2 test: the configuration has a problem:\n  - no\n');
});

const FOR_PEOPLE = [
  ['a setting', new ConfigError(['MCP2_LISTEN must be host:port'])],
  ['a port', new ListenError('the port is in use', new Error('EADDRINUSE'))],
  ['a reason', new ServiceError('ARGUMENT_INVALID', 'no such endpoint')],
] as const;

test.each(FOR_PEOPLE)('an error about %s is one sentence, of a service and of a job', async (_what, error) => {
  const [service, job] = [createHost(), createHost()];
  await run(service.host, () => Promise.reject(error));
  await runJob(job.host, { name: 'test', readConfig: () => SETTINGS, run: () => Promise.reject(error) });
  for (const { exits, said } of [service, job]) {
    expect(exits).toEqual([1]);
    expect(said).toEqual([`mcp2 test: ${error.message}\n`]);
  }
});

test('any other error is a stack, with those of its causes', async () => {
  const [service, job] = [createHost(), createHost()];
  const error = new TypeError('broken', { cause: new RangeError('deeper') });
  await run(service.host, () => Promise.reject(error));
  await runJob(job.host, { name: 'test', readConfig: () => SETTINGS, run: () => Promise.reject(error) });
  for (const { exits, said } of [service, job]) {
    expect(exits).toEqual([1]);
    expect(said.join('')).toMatch(/^mcp2 test: TypeError: broken\n {4}at [\s\S]*caused by RangeError: deeper\n {4}at /);
  }
});

test('a job ends with the exit code that it returns', async () => {
  const { host, exits } = createHost();
  await runJob(host, { name: 'test', readConfig: () => SETTINGS, run: async () => 7 });
  expect(exits).toEqual([7]);
});
