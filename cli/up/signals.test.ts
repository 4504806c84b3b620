import { expect, test } from 'vitest';
import { ECHO_MS, withoutEchoes } from './signals.ts';

function setUp() {
  const listeners = new Map<string, (argument: unknown) => void>();
  const heard: string[] = [];
  const now = { ms: 1000 };
  const events = withoutEchoes(
    { on: (event, listener) => listeners.set(event, listener) },
    { monotonicMs: () => now.ms },
  );
  for (const event of ['SIGINT', 'SIGTERM', 'uncaughtException']) events.on(event, () => heard.push(event));
  return { heard, now, emit: (event: string) => listeners.get(event)?.(event) };
}

test('an echo of a signal is left out, a second press is not', () => {
  const { heard, now, emit } = setUp();
  emit('SIGINT');
  now.ms += ECHO_MS - 1;
  emit('SIGINT');
  expect(heard).toEqual(['SIGINT']);
  now.ms += 1;
  emit('SIGINT');
  expect(heard).toEqual(['SIGINT', 'SIGINT']);
});

test('another signal is no echo, and no failure is left out', () => {
  const { heard, emit } = setUp();
  for (const event of ['SIGINT', 'SIGTERM', 'uncaughtException', 'uncaughtException']) emit(event);
  expect(heard).toEqual(['SIGINT', 'SIGTERM', 'uncaughtException', 'uncaughtException']);
});
