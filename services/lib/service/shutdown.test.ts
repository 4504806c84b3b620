import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { silentLogger } from '../logger.ts';
import { endOnSignals, Shutdown, type ShutdownStep } from './shutdown.ts';

function shutdownOf(steps: readonly ShutdownStep[], timeoutMs = 1000) {
  const exits: number[] = [];
  const shutdown = new Shutdown({
    steps,
    timeoutMs,
    clock: systemClock,
    log: silentLogger,
    exit: (code) => exits.push(code),
  });
  return { shutdown, exits };
}

test('steps run in order and the process ends with 0', async () => {
  const ran: string[] = [];
  const { shutdown, exits } = shutdownOf([
    { name: 'drain', run: async () => void ran.push('drain') },
    { name: 'close', run: () => void ran.push('close') },
  ]);
  await shutdown.request('SIGTERM');
  expect(ran).toEqual(['drain', 'close']);
  expect(exits).toEqual([0]);
});

test('a step that fails does not keep the later ones from running, and the process ends with 1', async () => {
  const ran: string[] = [];
  const { shutdown, exits } = shutdownOf([
    { name: 'drain', run: () => Promise.reject(new Error('no')) },
    { name: 'close', run: () => void ran.push('close') },
  ]);
  await shutdown.request('SIGTERM');
  expect(ran).toEqual(['close']);
  expect(exits).toEqual([1]);
});

test('a step that hangs is left behind when the time is up, and the later ones still begin', async () => {
  const remaining: number[] = [];
  const { shutdown, exits } = shutdownOf(
    [
      { name: 'drain', run: () => new Promise<void>(() => {}) },
      { name: 'close', run: (remainingMs) => void remaining.push(remainingMs) },
    ],
    20,
  );
  await shutdown.request('SIGTERM');
  expect(remaining).toHaveLength(1);
  expect(remaining[0]).toBeLessThan(5);
  expect(exits).toEqual([1]);
});

test('a second request ends the process at once', async () => {
  let finish = () => {};
  const { shutdown, exits } = shutdownOf([
    { name: 'drain', run: () => new Promise<void>((resolve) => (finish = resolve)) },
  ]);
  const first = shutdown.request('SIGINT');
  expect(shutdown.started).toBe(true);
  void shutdown.request('SIGINT');
  expect(exits).toEqual([1]);
  finish();
  await first;
});

test.each(['uncaughtException', 'unhandledRejection'])('%s stops the process in order with 1, once', async (event) => {
  const events = new EventEmitter();
  const ran: string[] = [];
  const { shutdown, exits } = shutdownOf([{ name: 'drain', run: async () => void ran.push('drain') }]);
  endOnSignals(events, shutdown, silentLogger);
  events.emit(event, new Error('boom'));
  events.emit(event, new Error('boom again'));
  await expect.poll(() => exits).toEqual([1]);
  expect(ran).toEqual(['drain']);
});
