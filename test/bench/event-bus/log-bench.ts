/** The embedded log alone beside a loop of the same statements on the same tables. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Sample } from '../h2load.ts';
import { type BareCommits, type BareCommitsConfig, startBareCommits, startLog } from './bare-commits.ts';
import { IN_FLIGHT, measure, PAYLOAD_BYTES, type Setting } from './setting.ts';

const TOPICS = 64;

export async function measureLog(setting: Setting): Promise<void> {
  const { running, folder, options } = setting;
  for (const rowsEach of options.smoke ? [IN_FLIGHT] : [IN_FLIGHT, 1]) {
    const config = (name: string): BareCommitsConfig => ({
      folder: mkdtempSync(join(folder, `${name}-`)),
      payloadBytes: PAYLOAD_BYTES,
      topics: TOPICS,
      rowsEach,
    });
    const bare = running.use(await startBareCommits(config('bare')));
    const log = running.use(await startLog(config('log')));
    const heading = {
      title: 'The embedded log beside a bare loop with its tables and statements',
      target: rowsEach === 1 ? 'none' : 'calls/s 0.70',
      shape: `${rowsEach} in flight on ${TOPICS} topics, ${PAYLOAD_BYTES} bytes, an event id each`,
    };
    setting.report(
      await measure(setting, heading, [
        {
          name: `bare, ${rowsEach} ${rowsEach === 1 ? 'event' : 'events'} a commit`,
          run: (seconds) => run(bare, seconds),
        },
        { name: 'embedded log', run: (seconds) => run(log, seconds) },
      ]),
    );
  }
}

async function run(commits: BareCommits, seconds: number): Promise<Sample> {
  const { published, elapsedMs, p50Ms, p99Ms, cpuMicroseconds } = await commits.ask('run', seconds);
  return {
    callsPerSecond: (published / elapsedMs) * 1000,
    p50Ms,
    p99Ms,
    cpuMicroseconds: cpuMicroseconds / published,
  };
}
