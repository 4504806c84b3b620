/**
 * A publisher without a codec: one PublishStream whose requests are made once, so that it takes next to nothing of the
 * machine. `publisher-program.ts` runs it, this starts it.
 */
import { join } from 'node:path';
import { type LoadProcess, startLoad } from './load-process.ts';

export interface PublisherConfig {
  /** host:port, plaintext. */
  readonly target: string;
  /** Encoded EventPublishRequests as base64, sent in turn; the first is sent once and carries the token. */
  readonly requests: readonly string[];
  /** Without an acknowledgement; at most 1,024. */
  readonly inFlight: number;
  /** At most so many a second, spread over it. Default: as many as are acknowledged. */
  readonly perSecond?: number;
  /** Then it sends no more. Default: without end. */
  readonly total?: number;
}

export interface PublisherCounts {
  readonly atMs: number;
  readonly cpuMicroseconds: number;
  readonly acknowledged: number;
  /** That something was on its way and no acknowledgement came; 0 for publishers that do not measure it. */
  readonly longestWaitMs: number;
}

export interface PublisherQuestions {
  start(): void;
  /** @returns when everything sent is acknowledged. */
  stop(): Promise<PublisherCounts>;
  /** @throws Error when a request was refused or the stream ended. */
  count(): PublisherCounts;
}

export type RawPublisher = LoadProcess<PublisherQuestions>;

export function startPublisher(config: PublisherConfig): Promise<RawPublisher> {
  return startLoad<PublisherQuestions>(join(import.meta.dirname, 'publisher-program.ts'), config);
}
