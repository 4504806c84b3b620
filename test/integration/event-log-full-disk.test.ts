/** The embedded log on a disk that is full, and freed again. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createMetrics } from '#lib/observe/metrics.ts';
import { logSettings, openLog } from '../harness/embedded-log.ts';
import { appendAll, event, filter, named, readAll } from '../harness/event-log/events.ts';
import { eventually } from '../harness/eventually.ts';
import { SmallDisk } from '../harness/small-disk.ts';

const MIB = 1024 * 1024;
const full = expect.objectContaining({ reason: 'LOG_FULL', retryAfterMs: expect.any(Number) });

function smallDisk(bytes: number): SmallDisk {
  const disk = new SmallDisk(bytes);
  onTestFinished(() => disk[Symbol.dispose]());
  return disk;
}

test('below the reserve publishes are refused, settlements and reads go on; freed, it goes on by itself', async () => {
  const disk = smallDisk(24 * MIB);
  const metrics = createMetrics({ service: 'event-bus' });
  const settings = logSettings(join(disk.path, 'log'));
  const log = await openLog(settings, { reserveBytes: 6 * MIB, metrics });
  const payload = Buffer.alloc(50_000);
  const durable = await log.durables.create({ owner: 'o', name: 'd', filter: '*', explicitAck: true, position: 0 });
  let count = 0;
  const refusal = await (async () => {
    for (;;) {
      try {
        await log.append(event('a', { payload, eventId: `${count}` }));
        count += 1;
      } catch (error) {
        return error;
      }
    }
  })();
  expect(refusal).toEqual(full);
  expect(count).toBeGreaterThan(20);
  const isFull = async () => (await metrics.getSingleMetric('mcp2_event_bus_log_full')?.get())?.values[0]?.value;
  expect(await isFull()).toBe(1);
  // What needs no new event is answered as ever.
  expect(await log.append(event('a', { payload, eventId: '0' }))).toMatchObject({ sequence: 1, duplicate: true });
  await expect(log.append(event('a', { expectedLastSequence: 1 }))).rejects.toMatchObject({
    reason: 'SEQUENCE_MISMATCH',
  });
  for (let i = 1; i <= count; i++) {
    await log.durables.change(durable.id, { position: i, delivered: [{ offset: i, attempt: 1, notBeforeMs: 0 }] });
  }
  await log.durables.change(durable.id, { settled: [1, 2, 3] });
  expect(await log.durables.deliveries(durable.id)).toHaveLength(count - 3);
  expect((await readAll(log, '*')).events).toHaveLength(count);
  await log.close();
  // A smaller bound is the way out: the space is given back to the disk.
  const smaller = await openLog({ ...settings, retentionBytes: MIB }, { reserveBytes: 6 * MIB });
  await eventually(
    () => smaller.append(event('a')).then(() => true),
    (isTaken) => isTaken,
    { timeoutMs: 30_000, what: 'publishing goes on' },
  );
  const { events } = await readAll(smaller, 'a', await smaller.locate({ kind: 'earliest' }, filter('a')));
  expect(events.at(-1)?.sequence).toBe(count + 1);
});

test('on a disk that is full to the last byte nothing that was acknowledged is lost, and freed, the log goes on', async () => {
  const disk = smallDisk(32 * MIB);
  const folder = join(disk.path, 'log');
  const log = await openLog(logSettings(folder), { reserveBytes: 0 });
  const told: string[] = [];
  log.follow((events) => told.push(...named(events)));
  await appendAll(log, ['t:1', 't:2']);
  disk.fill();
  const appended: string[] = [];
  let refused = 0;
  for (let round = 0; refused < 200; round++) {
    const topics = Array.from({ length: 64 }, (_, i) => `t:${(round + i) % 9}`);
    const payload = Buffer.alloc(3_000, `${round}`);
    const outcomes = await Promise.allSettled(topics.map((topic) => log.append(event(topic, { payload }))));
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') appended.push(`${topics[i]}#${outcome.value.sequence}`);
      else expect(['LOG_FULL', 'STORE_UNAVAILABLE']).toContain(outcome.reason.reason);
      refused += outcome.status === 'rejected' ? 1 : 0;
    }
  }
  expect(named((await readAll(log, '*')).events)).toEqual(told);
  expect(appended.filter((name) => !told.includes(name))).toEqual([]);
  disk.free();
  await log.append(event('after'));
  await log.close();
  const again = await openLog(logSettings(folder), { reserveBytes: 0 });
  expect(named((await readAll(again, '*')).events)).toEqual(told);
  expect(told.at(-1)).toBe('after#1');
});

test('a log is opened, read and closed on a full disk', async () => {
  const disk = smallDisk(16 * MIB);
  const settings = logSettings(join(disk.path, 'log'));
  const log = await openLog(settings);
  await appendAll(log, ['a', 'b']);
  await log.close();
  disk.fill();
  const again = await openLog(settings, { reserveBytes: MIB });
  expect(named((await readAll(again, '*')).events)).toEqual(['a#1', 'b#1']);
  await expect(again.append(event('a'))).rejects.toEqual(full);
  disk.free();
  await eventually(
    () => again.append(event('a')).then(({ sequence }) => sequence),
    (sequence) => sequence === 2,
  );
});

test('a new log on a full disk is refused with the folder in the sentence; freed, it opens', async () => {
  const disk = smallDisk(4 * MIB);
  disk.fill();
  const folder = join(disk.path, 'log');
  await expect(openLog(logSettings(folder))).rejects.toThrow(
    new RegExp(`^${folder} cannot be used as the folder of the event log`),
  );
  disk.free();
  const log = await openLog(logSettings(folder), { reserveBytes: 0 });
  await appendAll(log, ['a']);
});
