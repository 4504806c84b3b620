import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { type ConnectionOptions, NotConfigured, readSettings } from './settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function read(options: ConnectionOptions, env: Record<string, string> = {}) {
  const ambient = { homeFolder: join(folder, 'home'), uid: undefined, clock: new ManualClock(), random: () => 0 };
  const trust = { MCP2_TRUST_DIR: join(folder, 'trust') };
  return readSettings({ token: 'a token', ...options }, { ...ambient, env: { ...trust, ...env } });
}

function mountTrust(registry = 'mcp2-registry.mcp2-system.svc:50050'): string {
  mkdirSync(join(folder, 'trust'));
  writeFileSync(join(folder, 'trust/registry'), `${registry}\n`);
  writeFileSync(join(folder, 'trust/ca.crt'), 'PEM');
  return join(folder, 'trust/ca.crt');
}

function startUp(registry: string): void {
  const state = join(folder, 'home/.local/state/mcp2');
  mkdirSync(state, { recursive: true });
  const connection = { registry, files: '/', pid: 1, startedAt: '2026-01-01T00:00:00Z' };
  writeFileSync(join(state, 'connection.json'), JSON.stringify(connection));
}

test('the option comes first, then the environment, then what is mounted, then "mcp2 up"', () => {
  startUp('127.0.0.1:5');
  expect(read({})).toMatchObject({ registry: '127.0.0.1:5', caFile: undefined });
  const mounted = mountTrust();
  expect(read({})).toMatchObject({ registry: 'mcp2-registry.mcp2-system.svc:50050', caFile: mounted });
  const env = { MCP2_REGISTRY_ADDRESS: 'env.example:1', MCP2_CA_FILE: '/env/ca' };
  expect(read({}, env)).toMatchObject({ registry: 'env.example:1', caFile: '/env/ca' });
  const named = { registry: 'named.example:1', caFile: '/named/ca' };
  expect(read(named, env)).toMatchObject(named);
});

test('the CA of the environment is not that of "mcp2 up"', () => {
  startUp('127.0.0.1:5');
  expect(read({}, { MCP2_CA_FILE: '/env/ca' })).toMatchObject({ caFile: undefined });
});

test('a token does not go to another machine in the clear unless that is asked for', () => {
  const registry = 'registry.example:50050';
  expect(() => read({ registry })).toThrow(/in the clear.*caFile.*plaintext/);
  expect(read({ registry, plaintext: true })).toMatchObject({ plaintext: true, caFile: undefined });
  expect(read({ registry, plaintext: true }, { MCP2_CA_FILE: '/env/ca' }).caFile).toBeUndefined();
  expect(read({ registry: 'localhost:50050' })).toMatchObject({ caFile: undefined });
});

test.each(['registry.example:1', '10.0.0.1:1', 'unix:1'])(
  'an address that "mcp2 up" cannot have written is not used: %s',
  (address) => {
    startUp(address);
    expect(() => read({})).toThrow(/no registry is known.*MCP2_REGISTRY_ADDRESS.*mcp2 up/);
  },
);

test('an address that is none is refused with an example', () => {
  expect(() => read({ registry: 'localhost' })).toThrow(/host:port, for example/);
});

test('a token is the option, a file that the environment names, or the environment; else a sentence says what to set', async () => {
  const path = join(folder, 'token');
  writeFileSync(path, 'of the file\n');
  const registry = '127.0.0.1:1';
  const both = { MCP2_TOKEN_FILE: path, MCP2_TOKEN: ' of the environment ' };
  expect(await read({ registry, token: 'named' }, both).token()).toBe('named');
  expect(await read({ registry, token: undefined }, both).token()).toBe('of the file');
  expect(await read({ registry, token: undefined }, { MCP2_TOKEN: ' x ' }).token()).toBe('x');
  expect(() => read({ registry, token: undefined })).toThrow(NotConfigured);
  expect(() => read({ registry, token: undefined })).toThrow(/MCP2_TOKEN_FILE or MCP2_TOKEN.*\/var\/run\/mcp2\/token/);
  expect(() => read({ registry, token: '  ' })).toThrow(/empty/);
});
