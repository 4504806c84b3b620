import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConnection, readLocalEventBus } from '#lib/config/connection-file.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { CommandFailed } from '../failure.ts';
import { removeConnection, writeConnection } from './connection.ts';
import { locateState, prepareState } from './folder.ts';
import { ensureSigningKey, readSigner } from './keys.ts';

let folder: string;
let state: StateFolder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-state-'));
  state = locateState(join(folder, 'state'), { env: {}, homeFolder: folder });
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([
  ['what is named', '/named', { MCP2_STATE: '/env', XDG_STATE_HOME: '/xdg' }, '/named'],
  ['MCP2_STATE', undefined, { MCP2_STATE: '/env', XDG_STATE_HOME: '/xdg' }, '/env'],
  ['XDG_STATE_HOME', undefined, { MCP2_STATE: '', XDG_STATE_HOME: '/xdg' }, '/xdg/mcp2'],
  ['the home folder, for a relative XDG_STATE_HOME', undefined, { XDG_STATE_HOME: 'xdg' }, '/home/a/.local/state/mcp2'],
  ['the home folder', undefined, {}, '/home/a/.local/state/mcp2'],
])('the state folder is found by %s', (_title, named, env, path) => {
  expect(locateState(named, { env, homeFolder: '/home/a' }).path).toBe(path);
});

describe('a state folder', () => {
  const mine = userInfo().uid;
  const locate = (mode: number, owner: number | undefined) => {
    chmodSync(folder, mode);
    return () => locateState(folder, { env: {}, homeFolder: '/', uid: owner });
  };

  test('of another user is not used', () => {
    expect(locate(0o700, mine + 1)).toThrow(/belongs to another user.*--state DIR/);
  });

  test.each([0o770, 0o707, 0o720, 0o702, 0o1777])('that others can write to (%o) is not used', (mode) => {
    expect(locate(mode, mine)).toThrow(/others can write into.*chmod go-w/);
  });

  test.each([0o700, 0o755, 0o750])('that others cannot write to (%o) is used', (mode) => {
    expect(locate(mode, mine)).not.toThrow();
  });

  test('is not asked for its owner where there are no users', () => {
    expect(locate(0o777, undefined)).not.toThrow();
  });
});

test('only its owner can enter the folder or read the key, also when the mode was changed', async () => {
  prepareState(state);
  expect(statSync(state.path).mode & 0o777).toBe(0o700);
  expect(await ensureSigningKey(state)).toBe(true);
  chmodSync(state.signingKey, 0o644);
  await readSigner(state);
  expect(statSync(state.signingKey).mode & 0o777).toBe(0o600);
});

test('the key is made once and verifies what it signs', async () => {
  prepareState(state);
  await ensureSigningKey(state);
  const { key, issuer } = await readSigner(state);
  const [published] = JSON.parse(readFileSync(state.jwks, 'utf8')).keys;
  expect(issuer).toBe('mcp2:local');
  expect(published).toMatchObject({ kid: key.kid });
  expect(published).not.toHaveProperty('d');
  expect(await ensureSigningKey(state)).toBe(false);
  expect((await readSigner(state)).key.kid).toBe(key.kid);
});

test('a key whose public half is gone is not replaced behind its owner', async () => {
  prepareState(state);
  await ensureSigningKey(state);
  rmSync(state.jwks);
  await expect(ensureSigningKey(state)).rejects.toThrow(CommandFailed);
  expect(existsSync(state.signingKey)).toBe(true);
});

test('a file where the folder should be is a sentence that says what to do', () => {
  writeFileSync(join(folder, 'state'), '');
  expect(() => prepareState(state)).toThrow(/--state DIR/);
});

test('a connection is there while something runs, and garbage counts as none', () => {
  prepareState(state);
  const connection = { registry: '127.0.0.1:1', files: '/f', pid: 1, startedAt: '2026-01-01T00:00:00Z' };
  expect(readConnection(state.connection)).toBeUndefined();
  writeConnection(state.connection, connection);
  expect(readConnection(state.connection)).toEqual(connection);
  writeFileSync(state.connection, 'null');
  expect(readConnection(state.connection)).toBeUndefined();
  removeConnection(state.connection);
  removeConnection(state.connection);
  expect(existsSync(state.connection)).toBe(false);
});

test('an event bus is known where the file names one on this machine', () => {
  prepareState(state);
  const connection = { registry: '127.0.0.1:1', files: '/f', pid: 1, startedAt: '2026-01-01T00:00:00Z' };
  const known = (eventBus: unknown) => {
    writeFileSync(state.connection, JSON.stringify({ ...connection, eventBus }));
    return { registry: readConnection(state.connection)?.registry, eventBus: readLocalEventBus(state.connection) };
  };
  expect(known(undefined)).toEqual({ registry: '127.0.0.1:1', eventBus: undefined });
  expect(known('127.0.0.1:50052')).toEqual({ registry: '127.0.0.1:1', eventBus: '127.0.0.1:50052' });
  expect(known('10.0.0.1:50052')).toEqual({ registry: '127.0.0.1:1', eventBus: undefined });
  expect(known(7)).toEqual({ registry: undefined, eventBus: undefined });
});
