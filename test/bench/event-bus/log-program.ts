/** The embedded log alone, in this process: appends, so many in flight. See `bare-commits.ts`. */
import { join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedLog } from '../../../services/event-bus/log/embedded/open-log.ts';
import type { EventLog } from '../../../services/event-bus/log/event-log.ts';
import { answerQuestions } from '../../harness/event-load/load-process.ts';
import { summarize } from './acknowledged.ts';
import type { BareCommitsConfig, CommitFigures } from './bare-commits.ts';

const RETENTION_MS = 7 * 24 * 3_600_000;

class LogLoop {
  readonly #log: EventLog;
  readonly #config: BareCommitsConfig;
  readonly #payload: Uint8Array;
  #next = 0;

  constructor(log: EventLog, config: BareCommitsConfig) {
    this.#log = log;
    this.#config = config;
    this.#payload = new Uint8Array(config.payloadBytes).fill(7);
  }

  async run(seconds: number): Promise<CommitFigures> {
    const cpuBefore = process.cpuUsage();
    const tookMs: number[] = [];
    const startedMs = performance.now();
    const append = async () => {
      for (let nowMs = startedMs; nowMs < startedMs + seconds * 1000; ) {
        await this.#append();
        const doneMs = performance.now();
        tookMs.push(doneMs - nowMs);
        nowMs = doneMs;
      }
    };
    await Promise.all(Array.from({ length: this.#config.rowsEach }, append));
    const { user, system } = process.cpuUsage(cpuBefore);
    return { ...summarize(tookMs, performance.now() - startedMs), cpuMicroseconds: user + system };
  }

  #append(): Promise<unknown> {
    const number = this.#next++;
    return this.#log.append({
      topic: `bench:log:t${number % this.#config.topics}`,
      payload: this.#payload,
      contentType: '',
      attributes: {},
      eventId: `bench/${number}`,
      publisher: 'bench.agent',
      publisherKey: 'bench',
      expectedLastSequence: undefined,
    });
  }
}

async function open(folder: string): Promise<EventLog> {
  const settings = {
    folder: join(folder, 'log'),
    retentionMs: RETENTION_MS,
    retentionBytes: Number.MAX_SAFE_INTEGER,
    retentionEventsPerTopic: 0,
    dedupWindowMs: 120_000,
    maxTopics: 100_000,
    durablesPerOwner: 100,
  };
  return openEmbeddedLog(settings, { clock: systemClock, log: pino({ level: 'silent' }) });
}

if (import.meta.main) {
  const config = JSON.parse(process.argv[2] ?? '{}') as BareCommitsConfig;
  const loop = new LogLoop(await open(config.folder), config);
  answerQuestions({ run: (seconds: number) => loop.run(seconds) });
}
