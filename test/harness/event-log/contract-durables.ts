/** What the store of durable subscriptions promises. */
import { expect } from 'vitest';
import type { DurableRecord, EventLog } from '../../../services/event-bus/log/event-log.ts';
import { appendAll, event } from './events.ts';

const KEY = { owner: 'owner', name: 'worker' };

function create(log: EventLog, fields: Partial<DurableRecord> = {}): Promise<DurableRecord> {
  return log.durables.create({ ...KEY, filter: 'a:*', explicitAck: true, position: 0, ...fields });
}

const pending = (offset: number, attempt = 1, notBeforeMs = 0) => ({ offset, attempt, notBeforeMs });

export const durableTests: Readonly<Record<string, (log: EventLog) => Promise<void>>> = {
  async 'a durable subscription is found under its owner and name'(log) {
    expect(await log.durables.find(KEY)).toBeUndefined();
    const made = await create(log, { position: 0 });
    expect(made).toMatchObject({ ...KEY, filter: 'a:*', explicitAck: true, position: 0 });
    expect(await log.durables.find(KEY)).toEqual(made);
    expect(await log.durables.find({ owner: 'another', name: KEY.name })).toBeUndefined();
    expect(await log.durables.deliveries(made.id)).toEqual([]);
  },

  async 'one with another filter or mode is refused'(log) {
    await create(log);
    const fixed = expect.objectContaining({ reason: 'FILTER_FIXED' });
    await expect(create(log, { filter: 'b:*' })).rejects.toEqual(fixed);
    await expect(create(log, { explicitAck: false })).rejects.toEqual(fixed);
  },

  async 'position and deliveries are kept as they were changed last'(log) {
    const [first, second, third] = await appendAll(log, ['a:1', 'a:2', 'a:3']);
    const offsets = [first, second, third].map((one) => one?.offset ?? 0) as [number, number, number];
    const { id } = await create(log);
    await log.durables.change(id, { position: offsets[1], delivered: [pending(offsets[0]), pending(offsets[1])] });
    expect((await log.durables.find(KEY))?.position).toBe(offsets[1]);
    await log.durables.change(id, { delivered: [pending(offsets[0], 2, 5_000)], settled: [offsets[1]] });
    expect(await log.durables.deliveries(id)).toEqual([pending(offsets[0], 2, 5_000)]);
    await Promise.all([
      log.durables.change(id, { position: offsets[2], delivered: [pending(offsets[2], 0), pending(offsets[0], 3)] }),
      log.durables.change(id, { delivered: [pending(offsets[2])] }),
      log.durables.change(id, { settled: [offsets[2]] }),
    ]);
    expect(await log.durables.deliveries(id)).toEqual([pending(offsets[0], 3)]);
    expect((await log.durables.find(KEY))?.position).toBe(offsets[2]);
  },

  async 'a delivery that was stored and is settled together with its next attempt is gone'(log) {
    const [first] = await appendAll(log, ['a:1']);
    const offset = first?.offset ?? 0;
    const { id } = await create(log);
    await log.durables.change(id, { delivered: [pending(offset, 0)] });
    const changes = [log.durables.change(id, { delivered: [pending(offset)] })];
    changes.push(log.durables.change(id, { settled: [offset] }));
    await Promise.all(changes);
    expect(await log.durables.deliveries(id)).toEqual([]);
  },

  async 'an event is parked as a copy with its reason, in order'(log) {
    const sent = event('a:1', { attributes: { x: 'y' }, eventId: '7' });
    const { offset, sequence } = await log.append(sent);
    const [other] = await appendAll(log, ['a:2']);
    const { id } = await create(log);
    await log.durables.change(id, { delivered: [pending(offset, 4)] });
    await log.durables.change(id, { parked: [{ offset, reason: 'max_deliver', attempts: 4 }] });
    await log.durables.change(id, { parked: [{ offset: other?.offset ?? 0, reason: 'term', attempts: 1 }] });
    // Of an event that is gone nothing is kept.
    await log.durables.change(id, { parked: [{ offset: 1_000_000, reason: 'term', attempts: 1 }] });
    expect(await log.durables.deliveries(id)).toEqual([]);
    const parked = await log.durables.parked(id, 0, 10);
    expect(parked.map(({ number, reason, attempts }) => [number, reason, attempts])).toEqual([
      [1, 'max_deliver', 4],
      [2, 'term', 1],
    ]);
    const { topic, attributes, eventId, payload } = sent;
    expect(parked[0]).toMatchObject({ topic, sequence, attributes, eventId });
    expect(Buffer.from(parked[0]?.payload ?? [])).toEqual(payload);
    expect(await log.durables.parked(id, 1, 10)).toEqual([parked[1]]);
    expect(await log.durables.parked(id, 0, 1)).toEqual([parked[0]]);
  },

  async 'at most 1,000 events are parked, the oldest go'(log) {
    const [first] = await appendAll(log, ['a:1']);
    const offset = first?.offset ?? 0;
    const { id } = await create(log);
    for (let i = 0; i < 11; i++) {
      const parked = Array.from({ length: 100 }, () => ({ offset, reason: 'term' as const, attempts: 1 }));
      await log.durables.change(id, { parked });
    }
    const kept = await log.durables.parked(id, 0, 1);
    expect(kept[0]?.number).toBe(101);
    expect((await log.durables.list(KEY.owner))[0]?.parked).toBe(1_000);
  },

  async 'the list has what waits, what is in flight and what is parked, by name'(log) {
    const appended = await appendAll(log, ['a:1', 'b', 'a:2', 'a:1', 'b', 'a:1']);
    const at = (i: number) => appended[i]?.offset ?? 0;
    const made = await create(log);
    await create(log, { name: 'another', filter: 'b', position: at(1), explicitAck: false });
    await create(log, { owner: 'somebody', name: 'else' });
    await log.durables.change(made.id, {
      position: at(2),
      delivered: [pending(at(0)), pending(at(2))],
      parked: [{ offset: at(0), reason: 'term', attempts: 1 }],
    });
    const list = await log.durables.list(KEY.owner);
    expect(list.map(({ name, filter, inFlight, parked }) => [name, filter, inFlight, parked])).toEqual([
      ['another', 'b', 0, 0],
      ['worker', 'a:*', 1, 1],
    ]);
    expect(list.map(({ pending: waiting }) => waiting)).toEqual([1, 2]);
  },

  async 'one that was deleted is gone with all it had, and changes of it are without effect'(log) {
    const [first] = await appendAll(log, ['a:1']);
    const offset = first?.offset ?? 0;
    const { id } = await create(log);
    await log.durables.change(id, { parked: [{ offset, reason: 'term', attempts: 1 }], delivered: [pending(offset)] });
    expect(await log.durables.delete(KEY)).toBe(true);
    expect(await log.durables.delete(KEY)).toBe(false);
    await log.durables.change(id, { position: offset, delivered: [pending(offset)] });
    expect(await log.durables.find(KEY)).toBeUndefined();
    expect(await log.durables.parked(id, 0, 10)).toEqual([]);
    expect(await log.durables.list(KEY.owner)).toEqual([]);
    const again = await create(log);
    expect(again.id).not.toBe(id);
    expect(await log.durables.deliveries(again.id)).toEqual([]);
  },
};
