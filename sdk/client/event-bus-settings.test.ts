import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { type EventBusOptions, readEventBusSettings } from './event-bus-settings.ts';
import { NotConfigured } from './settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-event-bus-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function read(options: EventBusOptions, env: Record<string, string> = {}) {
  const ambient = { homeFolder: join(folder, 'home'), uid: undefined, clock: new ManualClock(), random: () => 0 };
  return readEventBusSettings(options, { ...ambient, env: { MCP2_TRUST_DIR: join(folder, 'trust'), ...env } });
}

function startUp(connection: object): void {
  const state = join(folder, 'home/.local/state/mcp2');
  mkdirSync(state, { recursive: true });
  const usual = { registry: '127.0.0.1:5', files: '/', pid: 1, startedAt: '2026-01-01T00:00:00Z' };
  writeFileSync(join(state, 'connection.json'), JSON.stringify({ ...usual, ...connection }));
}

test('the option comes first, then the environment, then what is mounted, then "mcp2 up"', () => {
  startUp({ eventBus: '127.0.0.1:6' });
  expect(read({}, { MCP2_CA_FILE: '/env/ca' })).toEqual({ address: '127.0.0.1:6', caFile: undefined });
  mkdirSync(join(folder, 'trust'));
  writeFileSync(join(folder, 'trust/eventBus'), 'mcp2-event-bus.mcp2-system.svc:50052\n');
  writeFileSync(join(folder, 'trust/ca.crt'), 'PEM');
  const mounted = join(folder, 'trust/ca.crt');
  expect(read({})).toEqual({ address: 'mcp2-event-bus.mcp2-system.svc:50052', caFile: mounted });
  const env = { MCP2_EVENT_BUS_ADDRESS: 'env.example:1', MCP2_CA_FILE: '/env/ca' };
  expect(read({}, env)).toEqual({ address: 'env.example:1', caFile: '/env/ca' });
  const named = { eventBus: 'named.example:1', caFile: '/named/ca' };
  expect(read(named, env)).toEqual({ address: 'named.example:1', caFile: '/named/ca' });
});

test('a "mcp2 up" that names another machine, or no bus, is none', () => {
  startUp({});
  expect(() => read({})).toThrow(/no event bus is known/);
  startUp({ eventBus: 'elsewhere.example:6' });
  expect(() => read({})).toThrow(/no event bus is known/);
});

test('a token does not go to another machine in the clear unless that is asked for', () => {
  expect(() => read({ eventBus: 'far.example:50052' })).toThrow(
    /the token would travel in the clear: name the event bus's CA/,
  );
  expect(read({ eventBus: 'far.example:50052', plaintext: true }).caFile).toBeUndefined();
  expect(read({ eventBus: '127.0.0.1:50052' }).caFile).toBeUndefined();
});

test('what is no address is said', () => {
  expect(() => read({ eventBus: 'no-port' })).toThrow(NotConfigured);
  expect(() => read({ eventBus: 'no-port' })).toThrow(/host:port, for example mcp2-event-bus/);
});
