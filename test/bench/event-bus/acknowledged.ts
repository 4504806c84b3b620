/**
 * Publishing from one Node process with a client library, each event awaited by whoever published it, so many in flight.
 * `acknowledged-program.ts` runs it, this starts it.
 */
import { join } from 'node:path';
import { type LoadProcess, startLoad } from '../../harness/event-load/load-process.ts';

export interface AcknowledgedConfig {
  /** `client`: a publisher of mcp2/client, `pipelined` or not; `grpc-js`: PublishStream by grpc-js alone. */
  readonly through: 'jetstream' | 'client' | 'client, pipelined' | 'grpc-js';
  /** host:port */
  readonly target: string;
  /** For the bus. */
  readonly token: string;
  /** For JetStream: the name of the stream that the topics are subjects of. */
  readonly stream?: string;
  readonly topics: readonly string[];
  readonly payloadBytes: number;
  readonly inFlight: number;
}

export interface AcknowledgedFigures {
  readonly published: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface AcknowledgedQuestions {
  run(seconds: number): Promise<AcknowledgedFigures>;
}

export type AcknowledgedPublisher = LoadProcess<AcknowledgedQuestions>;

export function startAcknowledged(config: AcknowledgedConfig): Promise<AcknowledgedPublisher> {
  return startLoad(join(import.meta.dirname, 'acknowledged-program.ts'), config);
}

/** @param tookMs Of each event. */
export function summarize(tookMs: readonly number[], elapsedMs: number): AcknowledgedFigures {
  const sorted = Float64Array.from(tookMs).sort();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { published: sorted.length, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) };
}
