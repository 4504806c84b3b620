/**
 * The embedded log without a log around it: a loop that runs the same statements on the same tables, so many events a commit.
 * It checks nothing, keeps no figures in memory, sums no checksums and copies nothing between threads.
 * `bare-commits-program.ts` runs it, this starts it; the log itself, in a process of the same kind: `log-program.ts`.
 */
import { join } from 'node:path';
import { type LoadProcess, startLoad } from '../../harness/event-load/load-process.ts';
import type { AcknowledgedFigures } from './acknowledged.ts';

export interface BareCommitsConfig {
  /** Of the database. */
  readonly folder: string;
  readonly payloadBytes: number;
  readonly topics: number;
  /** Events of one commit; what the log has in flight. */
  readonly rowsEach: number;
}

export interface CommitQuestions {
  run(seconds: number): Promise<CommitFigures>;
}

export interface CommitFigures extends AcknowledgedFigures {
  /** All threads of the process. */
  readonly cpuMicroseconds: number;
}

export type BareCommits = LoadProcess<CommitQuestions>;

export function startBareCommits(config: BareCommitsConfig): Promise<BareCommits> {
  return startLoad(join(import.meta.dirname, 'bare-commits-program.ts'), config);
}

export function startLog(config: BareCommitsConfig): Promise<BareCommits> {
  return startLoad(join(import.meta.dirname, 'log-program.ts'), config);
}
