/** Backups of the embedded log, what they are good for, and going on after a loss. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { acceptLoss, backupLog, checkBackup, restoreLog } from '../../services/event-bus/log/embedded/backup.ts';
import type { EventLog } from '../../services/event-bus/log/event-log.ts';
import { logFolder, logSettings, openLog } from '../harness/embedded-log.ts';
import { appendAll, event, filter, named, readAll } from '../harness/event-log/events.ts';
import { eventually } from '../harness/eventually.ts';

async function publishUntil(log: EventLog, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await appendAll(log, ['busy:1', 'busy:2', 'busy:3']);
}

test('a backup of a log in use is one file with a prefix of its events, and restored it is a log of a new epoch', async () => {
  const folder = await logFolder();
  const log = await openLog(logSettings(folder));
  await Promise.all(
    Array.from({ length: 3_000 }, (_, i) => log.append(event(`t:${i % 7}`, { payload: Buffer.alloc(500) }))),
  );
  const durable = await log.durables.create({ owner: 'o', name: 'd', filter: 't:*', explicitAck: true, position: 100 });
  await log.durables.change(durable.id, { delivered: [{ offset: 100, attempt: 1, notBeforeMs: 0 }] });
  const stop = new AbortController();
  const publishing = publishUntil(log, stop.signal);
  const file = join(folder, '..', 'backup.db');
  const progress: number[] = [];
  const content = await backupLog({ folder, file, onProgress: (share) => progress.push(share) });
  stop.abort();
  await publishing;
  expect(content.epoch).toBe(log.epoch.toString('hex'));
  expect(content.lastOffset).toBeGreaterThanOrEqual(3_000);
  expect(progress.at(-1)).toBe(1);
  expect(checkBackup(file)).toEqual(content);
  expect((await readdir(join(folder, '..'))).sort()).toEqual(['backup.db', 'log']);
  await expect(backupLog({ folder, file })).rejects.toThrow(/exists/);
  const { events } = await readAll(log, '*');
  const { epoch, ackKey } = log;
  expect(() => restoreLog({ folder, file, force: true })).toThrow(/is in use by another mcp2 process/);
  await log.close();
  expect(() => restoreLog({ folder, file })).toThrow(/holds a log already/);
  const restored = restoreLog({ folder, file, force: true });
  expect(restored).toMatchObject({ events: content.events, lastOffset: content.lastOffset });
  expect(await readdir(String(restored.movedTo))).toContain('log.db');
  const again = await openLog(logSettings(folder));
  expect(again.epoch).not.toEqual(epoch);
  expect(again.ackKey).not.toEqual(ackKey);
  const kept = await readAll(again, '*');
  expect(named(kept.events)).toEqual(named(events.slice(0, content.events)));
  expect(await again.durables.find({ owner: 'o', name: 'd' })).toMatchObject({ position: 100 });
  expect(await again.durables.deliveries(durable.id)).toEqual([{ offset: 100, attempt: 1, notBeforeMs: 0 }]);
  expect((await again.append(event('t:0'))).offset).toBe(content.lastOffset + 1);
});

test('a restore makes the folder, and refuses what is no sound backup', async () => {
  const folder = await logFolder();
  const log = await openLog(logSettings(folder));
  await Promise.all(Array.from({ length: 500 }, () => log.append(event('a', { payload: Buffer.alloc(1_000) }))));
  const file = join(folder, '..', 'backup.db');
  await backupLog({ folder, file });
  const target = join(folder, '..', 'elsewhere', 'log');
  for (const [name, spoil] of [
    ['cut.db', (path: string) => truncate(path, 100_000)],
    ['other.db', (path: string) => writeFile(path, 'no database at all')],
    ['flipped.db', flipPage],
  ] as const) {
    const bad = join(folder, '..', name);
    await cp(file, bad);
    await spoil(bad);
    expect(() => restoreLog({ folder: target, file: bad }), name).toThrow(/is no sound backup of an event log/);
  }
  expect(() => restoreLog({ folder: target, file: join(folder, 'missing') })).toThrow(/does not exist/);
  expect(restoreLog({ folder: target, file })).toEqual({ events: 500, lastOffset: 500, movedTo: undefined });
  const restored = await openLog(logSettings(target));
  expect((await readAll(restored, 'a')).events).toHaveLength(500);
});

async function flipPage(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.fill(0xff, 8_192, 8_300);
  await writeFile(path, bytes);
}

test('a backup that is given up leaves nothing', async () => {
  const folder = await logFolder();
  const log = await openLog(logSettings(folder));
  await appendAll(log, ['a']);
  const file = join(folder, '..', 'backup.db');
  const stop = new AbortController();
  stop.abort(new Error('given up'));
  await expect(backupLog({ folder, file, signal: stop.signal })).rejects.toThrow('given up');
  expect(await readdir(join(folder, '..'))).toEqual(['log']);
  await expect(backupLog({ folder: join(folder, 'no'), file })).rejects.toThrow(/holds no event log/);
});

test('after a loss is accepted the log goes on with the rest, under a new epoch and with new numbers', async () => {
  const folder = await logFolder();
  const settings = logSettings(folder);
  const first = await openLog(settings);
  await appendAll(first, ['a', 'a', 'b']);
  await first.close();
  const second = await openLog(settings);
  await appendAll(second, ['a', 'c', 'c']);
  await eventually(
    () => readFile(join(folder, 'head'), 'utf8'),
    (text) => text.includes('"lastOffset":6'),
  );
  const copy = join(folder, '..', 'copy');
  await cp(folder, copy, { recursive: true });
  await truncate(join(copy, 'log.db-wal'), 0);
  await expect(openLog(logSettings(copy))).rejects.toThrow(/lacks its last 3 events/);
  expect(() => acceptLoss({ folder })).toThrow(/is in use/);
  expect(acceptLoss({ folder: copy })).toEqual({ lost: 3, events: 3, lastOffset: 6 });
  const log = await openLog(logSettings(copy));
  expect(log.epoch).not.toEqual(second.epoch);
  const { events } = await readAll(log, '*', 0);
  expect(named(events)).toEqual(['a#1', 'a#2', 'b#1']);
  // Above whatever it may have had among the events that are lost.
  expect(await log.append(event('c'))).toMatchObject({ offset: 7, sequence: 7 });
  expect(await log.locate({ kind: 'earliest' }, filter('*'))).toBe(0);
});

test('a head that is lost or another one is no end: accept-loss makes a new one', async () => {
  const folder = await logFolder();
  const log = await openLog(logSettings(folder));
  await appendAll(log, ['a', 'b']);
  await log.close();
  await writeFile(join(folder, 'head'), 'nonsense');
  await expect(openLog(logSettings(folder))).rejects.toThrow(/head is damaged/);
  expect(acceptLoss({ folder })).toEqual({ lost: undefined, events: 2, lastOffset: 2 });
  const again = await openLog(logSettings(folder));
  expect(named((await readAll(again, '*')).events)).toEqual(['a#1', 'b#1']);
});

test('one process at a time uses a folder; a backup is made from another one', { timeout: 60_000 }, async () => {
  const folder = await logFolder();
  const program = fileURLToPath(new URL('../harness/embedded-log-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [program, folder, '16'], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await once(child.stdout, 'data');
  child.stdout.resume();
  await expect(openLog(logSettings(folder))).rejects.toMatchObject({ isInUse: true });
  expect(() => acceptLoss({ folder })).toThrow(/is in use by another mcp2 process/);
  const file = join(folder, '..', 'backup.db');
  const { lastOffset, events } = await backupLog({ folder, file });
  expect(events).toBe(lastOffset);
  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
  await once(child, 'close');
  const log = await openLog(logSettings(folder));
  expect(log.end).toBeGreaterThanOrEqual(lastOffset);
  expect((await readAll(log, '*')).missed).toBe(0);
});
