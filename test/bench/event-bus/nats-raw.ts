/**
 * NATS core by raw sockets, both ends: the limit of the server, with no client library before it. The programs answer the
 * questions of the bus' sinks and publisher (test/harness/event-load).
 */
import { join } from 'node:path';
import { type LoadProcess, startLoad } from '../../harness/event-load/load-process.ts';
import type { PublisherQuestions } from '../../harness/event-load/publisher.ts';
import type { SinkQuestions } from '../../harness/event-load/sinks.ts';

export interface NatsRawConfig {
  readonly role: 'sinks' | 'publisher';
  /** host:port */
  readonly target: string;
  readonly subject: string;
  readonly payloadBytes: number;
  /** Connections, each with one subscription. */
  readonly sinks: number;
}

export type NatsSinks = LoadProcess<Pick<SinkQuestions, 'count'>>;
export type NatsPublisher = LoadProcess<PublisherQuestions>;

const PROGRAM = join(import.meta.dirname, 'nats-raw-program.ts');

export function startNatsSinks(config: Omit<NatsRawConfig, 'role'>): Promise<NatsSinks> {
  return startLoad(PROGRAM, { ...config, role: 'sinks' } satisfies NatsRawConfig);
}

export function startNatsPublisher(config: Omit<NatsRawConfig, 'role'>): Promise<NatsPublisher> {
  return startLoad(PROGRAM, { ...config, role: 'publisher' } satisfies NatsRawConfig);
}
