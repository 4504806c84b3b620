/**
 * What every event log promises, as tests; each implementation runs them all. `open` makes a log that is empty, and closes
 * it at the end of the test.
 */
import { describe, expect, test } from 'vitest';
import type { EventLog } from '../../../services/event-bus/log/event-log.ts';
import { appendTests } from './contract-appends.ts';
import { durableTests } from './contract-durables.ts';
import { readTests } from './contract-reads.ts';
import { event, filter } from './events.ts';

export function describeEventLog(name: string, open: () => Promise<EventLog>): void {
  describe(`the ${name} log`, () => {
    const tests = { ...appendTests, ...readTests, ...durableTests };
    for (const [sentence, run] of Object.entries(tests)) test(sentence, async () => run(await open()));
    test('a log that is closed refuses calls, and is closed again without effect', async () => {
      const log = await open();
      const { offset } = await log.append(event('a:b'));
      await log.close();
      const refused = expect.objectContaining({ reason: 'SHUTTING_DOWN' });
      await expect(log.append(event('a:b'))).rejects.toEqual(refused);
      await expect(log.read({ after: 0, filter: filter('*'), maxEvents: 1, maxBytes: 1 })).rejects.toEqual(refused);
      await expect(log.topics({ filter: filter('*'), after: '', limit: 1 })).rejects.toEqual(refused);
      await expect(log.durables.list('owner')).rejects.toEqual(refused);
      await expect(log.durables.change('id', { position: offset })).rejects.toEqual(refused);
      await log.close();
    });
    test('what was begun before a close is finished', async () => {
      const log = await open();
      const appends = Promise.all(Array.from({ length: 200 }, () => log.append(event('a:b'))));
      await log.close();
      expect((await appends).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    });
  });
}
