/** The embedded log after its process or one of its threads was killed in the middle of work. */
import { type ChildProcess, spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import type { StoredEvent } from '../../services/event-bus/log/event-log.ts';
import { logFolder, logSettings, openLog } from '../harness/embedded-log.ts';
import { event, named, readAll } from '../harness/event-log/events.ts';
import { eventually } from '../harness/eventually.ts';

const KILLS = process.env.MCP2_TEST_FULL === undefined ? 5 : 50;
const IN_FLIGHT = 32;

/** What it printed until it was killed, `writingMs` after its first append. */
async function appendUntilKilled(folder: string, writingMs: number): Promise<string[]> {
  const program = fileURLToPath(new URL('../harness/embedded-log-writer.ts', import.meta.url));
  const args = [program, folder, String(IN_FLIGHT)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const output = child.stdout as NonNullable<typeof child.stdout>;
  const printed = text(output);
  await once(output, 'data');
  await sleep(writingMs);
  child.kill('SIGKILL');
  await once(child, 'close');
  // The last line may be half of one.
  return (await printed).split('\n').slice(0, -1);
}

test(`of ${KILLS} processes that were killed in the middle of appending, nothing that they were told is appended is lost`, {
  timeout: KILLS * 20_000,
}, async () => {
  const folder = await logFolder();
  const acknowledged = new Set<string>();
  let epoch: string | undefined;
  for (let kill = 0; kill < KILLS; kill++) {
    const told = await appendUntilKilled(folder, (kill * 37) % 300);
    expect(told.length).toBeGreaterThan(0);
    for (const line of told) acknowledged.add(line);
    const log = await openLog(logSettings(folder));
    epoch ??= log.epoch.toString('hex');
    expect(log.epoch.toString('hex')).toBe(epoch);
    const { events, missed } = await readAll(log, '*');
    expect(missed).toBe(0);
    expect(events.map(({ offset }) => offset)).toEqual(events.map((_, i) => i + 1));
    for (const [topic, list] of Map.groupBy(events, (one) => one.topic)) {
      expect(named(list)).toEqual(list.map((_, i) => `${topic}#${i + 1}`));
      expect(list.map(({ previous }) => previous)).toEqual(list.map((_, i) => i));
    }
    const lines = new Set(events.map(({ offset, topic, sequence }) => `${offset} ${topic} ${sequence}`));
    expect([...acknowledged].filter((line) => !lines.has(line))).toEqual([]);
    const durable = await log.durables.find({ owner: 'o', name: 'd' });
    expect(durable?.position).toBeGreaterThan(0);
    expect(durable?.position).toBeLessThanOrEqual(log.end);
    await log.close();
  }
});

/** Whatever worker threads this process starts from now on. */
function collectWorkers(): Worker[] {
  const workers: Worker[] = [];
  const add = (message: unknown) => workers.push((message as { worker: Worker }).worker);
  subscribe('worker_threads', add);
  onTestFinished(() => {
    unsubscribe('worker_threads', add);
  });
  return workers;
}

test('a writer that dies rejects what waits, is started again, and followers hear of what it had committed', {
  timeout: 60_000,
}, async () => {
  const workers = collectWorkers();
  const log = await openLog(logSettings(await logFolder()));
  const told: StoredEvent[] = [];
  log.follow((events) => told.push(...events));
  let rejected = 0;
  const appended = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const many = Array.from({ length: 500 }, async (_, i) => {
      const { sequence } = await log.append(event(`t:${i % 5}`));
      return `t:${i % 5}#${sequence}`;
    });
    await sleep(round * 3);
    const writer = workers.filter(({ threadName }) => threadName === 'mcp2-log-writer').at(-1);
    await (writer ?? workers[0])?.terminate();
    for (const outcome of await Promise.allSettled(many)) {
      if (outcome.status === 'fulfilled') appended.add(outcome.value);
      else expect(outcome.reason).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
      rejected += outcome.status === 'rejected' ? 1 : 0;
    }
    const { sequence } = await log.append(event('after'));
    appended.add(`after#${sequence}`);
  }
  expect(rejected).toBeGreaterThan(0);
  const { events } = await readAll(log, '*');
  expect(named(told)).toEqual(named(events));
  expect([...appended].filter((name) => !named(events).includes(name))).toEqual([]);
});

test('a reader that dies is started again', async () => {
  const workers = collectWorkers();
  const log = await openLog(logSettings(await logFolder()));
  await log.append(event('a'));
  await workers[1]?.terminate();
  const { events } = await eventually(
    () => readAll(log, '*'),
    ({ events: list }) => list.length === 1,
  );
  expect(named(events)).toEqual(['a#1']);
});

test('the head is written while the log is used, and says at a close that all is in order', async () => {
  const folder = await logFolder();
  const log = await openLog(logSettings(folder));
  const head = async () => JSON.parse(await readFile(join(folder, 'head'), 'utf8'));
  const epoch = log.epoch.toString('hex');
  expect(await head()).toEqual({ format: 1, epoch, lastOffset: 0, isClean: false });
  await log.append(event('a'));
  await eventually(head, ({ lastOffset }) => lastOffset === 1);
  await log.close();
  expect(await head()).toEqual({ format: 1, epoch, lastOffset: 1, isClean: true });
});
