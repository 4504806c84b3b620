/** The event bus as a part of `mcp2 up`: its port, a log that is damaged or cut short; and `mcp2 bus`. */
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createStandalone, type Standalone } from '../harness/mcp2-command.ts';
import { type HereOptions, runMcp2Here } from '../harness/mcp2-here.ts';

/** A test with several starts. */
const LONG_MS = 180_000;

const folder = mkdtempSync(join(tmpdir(), 'mcp2-bus-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (up: Standalone, args: readonly string[], options: Partial<HereOptions> = {}) =>
  runMcp2Here(args, { state: up.state, ...options });

async function publish(up: Standalone, count: number): Promise<void> {
  const input = Array.from({ length: count }, (_, i) => `event ${i}`).join('\n');
  expect(await run(up, ['publish', 'kept:a', '--lines'], { input })).toMatchObject({ code: 0 });
}

async function sequencesOf(up: Standalone, count: number): Promise<number[]> {
  const args = ['subscribe', 'kept:a', '--from', 'beginning', '--count', String(count), '-o', 'json'];
  const { stdout } = await run(up, args);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { sequence: number }).sequence);
}

test('mcp2 up has an event bus that keeps its events, and says where', async () => {
  await using up = await createStandalone();
  await up.start();
  expect(await up.output()).toMatch(new RegExp(`^ {2}event bus +127\\.0\\.0\\.1:${up.busPort}$`, 'm'));
  expect(JSON.parse(readFileSync(join(up.state, 'connection.json'), 'utf8'))).toMatchObject({
    registry: `127.0.0.1:${up.port}`,
    eventBus: `127.0.0.1:${up.busPort}`,
  });
  await publish(up, 3);
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
  await up.start();
  expect(await sequencesOf(up, 3)).toEqual([1, 2, 3]);
  await up.kill();
  await up.start();
  expect(await sequencesOf(up, 3)).toEqual([1, 2, 3]);
});

test('its usual port that is taken moves, and is told; one that was named does not', async () => {
  // Taken here, or by somebody else on this machine: either way it is not free.
  const taken = createServer().listen(50_052, '127.0.0.1');
  await Promise.race([once(taken, 'listening'), once(taken, 'error')]).catch(() => undefined);
  const ports = await createStandalone();
  const args = ['--bus-port', '50052'];
  await using refused = await createStandalone({ args });
  await expect(refused.start()).rejects.toThrow(/port 50052 is in use: .*--bus-port/);
  expect(existsSync(join(refused.state, 'connection.json'))).toBe(false);
  const { code, stdout, stderr } = await ports.run(
    ['up', '--files', ports.files, '--port', String(ports.port), '--state', ports.state],
    { killAfter: 'Ctrl-C ends' },
  );
  expect({ code, moved: stderr.includes('Port 50052 is in use; the event bus listens on 500') }).toEqual({
    ...{ code: 0, moved: true },
  });
  expect(stdout).toMatch(/event bus +127\.0\.0\.1:500\d\d/);
  taken.close();
});

test('a log that misses events keeps mcp2 up from starting, until that is accepted', { timeout: LONG_MS }, async () => {
  await using up = await createStandalone();
  await up.start();
  await publish(up, 20);
  await up.interrupt();
  const database = join(up.state, 'events', 'log.db');
  const before = join(folder, 'before.db');
  copyFileSync(database, before);
  await up.start();
  await publish(up, 5);
  const inUse = await run(up, ['bus', 'accept-loss', '--yes']);
  expect(inUse).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('in use') });
  await up.interrupt();
  copyFileSync(before, database);

  await expect(up.start()).rejects.toThrow(/5 .*mcp2 bus accept-loss.*--state/s);
  expect(existsSync(join(up.state, 'connection.json'))).toBe(false);
  const asked = await run(up, ['bus', 'accept-loss']);
  expect(asked).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes') });
  expect(await run(up, ['bus', 'accept-loss'], { answer: 'no' })).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining('nothing was changed') },
  });
  await expect(up.start()).rejects.toThrow(/accept-loss/);
  const accepted = await run(up, ['bus', 'accept-loss'], { answer: 'yes' });
  expect(accepted).toMatchObject({ code: 0, stdout: expect.stringMatching(/20 events .* 5 events are lost/) });
  await up.start();
  expect(await sequencesOf(up, 20)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test('a backup is put in the place of a log, and cursors of before are refused', { timeout: LONG_MS }, async () => {
  await using up = await createStandalone();
  await up.start();
  await publish(up, 3);
  const { stdout } = await run(up, ['publish', 'kept:a', 'x', '-o', 'json']);
  const { cursor } = JSON.parse(stdout) as { cursor: string };
  const backup = join(folder, 'restored.db');
  expect(await run(up, ['bus', 'backup', backup])).toEqual({
    code: 0,
    stdout: `${backup} holds 4 events.\n`,
    stderr: '',
  });
  expect(await run(up, ['bus', 'backup', backup])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('exists'),
  });
  await publish(up, 2);
  await up.interrupt();
  writeFileSync(join(up.state, 'events', 'log.db'), 'damaged');
  await expect(up.start()).rejects.toThrow(/damaged.*mcp2 bus restore.*accept-loss/s);

  const noBackup = join(folder, 'none.db');
  writeFileSync(noBackup, 'none');
  expect(await run(up, ['bus', 'restore', noBackup, '--yes'])).toMatchObject({ code: 1, stdout: '' });
  const restored = await run(up, ['bus', 'restore', backup, '--yes', '--log', join(up.state, 'events')]);
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('holds 4 events of the backup') });
  expect(restored.stderr).toMatch(/What it held before is in /);
  await up.start();
  expect(await sequencesOf(up, 4)).toEqual([1, 2, 3, 4]);
  const old = await run(up, ['subscribe', 'kept:a', '--from', cursor]);
  expect(old).toMatchObject({ code: 1, stderr: expect.stringContaining('LOG_EPOCH') });
});

test.each([
  ['backup', ['backup', 'x.db'], /holds no event log/],
  ['accept-loss', ['accept-loss', '--yes'], /no log/],
  ['restore of nothing', ['restore', '/nonexistent.db', '--yes'], /nonexistent\.db does not exist/],
])('%s without a log says so', async (_title, args, why) => {
  const state = join(folder, 'empty');
  for (const env of [{}, { MCP2_EVENT_BUS_LOG_DIR: join(folder, 'none') }]) {
    const ended = await runMcp2Here(['bus', ...args], { state, env, cwd: folder });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(why);
    expect(ended.stderr).not.toMatch(/unexpected/);
  }
});
