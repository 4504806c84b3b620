/**
 * One message after the other, and what each takes: from publish to event through the bus, or there and back over a bare
 * stream. `one-at-a-time-program.ts` runs it, this starts it.
 */
import { join } from 'node:path';
import { type LoadProcess, startLoad } from '../../harness/event-load/load-process.ts';
import type { AcknowledgedFigures } from './acknowledged.ts';

export interface OneAtATimeConfig {
  /** `event`: until it comes to a subscriber of this process; `answer`: until the stream answers. */
  readonly until: 'event' | 'answer';
  /** host:port */
  readonly target: string;
  readonly token: string;
  readonly topic: string;
  readonly payloadBytes: number;
}

export interface OneAtATimeQuestions {
  run(seconds: number): Promise<AcknowledgedFigures>;
}

export type OneAtATime = LoadProcess<OneAtATimeQuestions>;

export function startOneAtATime(config: OneAtATimeConfig): Promise<OneAtATime> {
  return startLoad(join(import.meta.dirname, 'one-at-a-time-program.ts'), config);
}
