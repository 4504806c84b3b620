/**
 * A program for tests: opens the embedded log in the folder it is given, then appends to 8 topics and moves a durable
 * subscription until it is killed, and prints each offset with its topic and sequence once its append has resolved.
 *
 * Arguments: the folder, and how many appends are in flight (1).
 */
import { systemClock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { openEmbeddedLog } from '../../services/event-bus/log/embedded/open-log.ts';
import { logSettings } from './embedded-log.ts';
import { event } from './event-log/events.ts';

if (import.meta.main) await appendForEver(String(process.argv[2]), Number(process.argv[3] ?? 1));

async function appendForEver(folder: string, inFlight: number): Promise<void> {
  const log = await openEmbeddedLog(logSettings(folder), { clock: systemClock, log: silentLogger });
  const durable = await log.durables.create({
    owner: 'o',
    name: 'd',
    filter: '*',
    explicitAck: true,
    position: 0,
  });
  let next = 0;
  const append = async (): Promise<void> => {
    for (;;) {
      const i = next++;
      const topic = `t:${i % 8}`;
      const { offset, sequence } = await log.append(event(topic, { payload: Buffer.alloc(i % 900, `${i % 10}`) }));
      await log.durables.change(durable.id, { position: offset });
      console.log(`${offset} ${topic} ${sequence}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, append));
}
