/** The embedded log alone, in this process: appends, so many in flight. See `bare-commits.ts`. */
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedLog } from '../../../services/event-bus/log/embedded/open.ts';
import type { EventLog } from '../../../services/event-bus/log/event-log.ts';
import { answerQuestions } from '../../harness/event-load/load-process.ts';
import { summarize } from './acknowledged.ts';
import type { BareCommitsConfig, CommitFigures } from './bare-commits.ts';

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
