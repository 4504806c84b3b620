/**
 * Subscribers without a decoder, many in one process: `sinks-program.ts` runs them, this starts it. They count what comes,
 * see whether a sequence is left out or repeated, and can stop taking anything.
 */
import { join } from 'node:path';
import { type LoadProcess, startLoad } from './load-process.ts';

export interface SinksConfig {
  /** host:port, plaintext. */
  readonly target: string;
  /** One for each subscriber: the encoded EventSubscribeRequest as base64. */
  readonly requests: readonly string[];
  /** Connections that they are spread over. */
  readonly connections: number;
  /** Of one stream; see FrameConnection. */
  readonly windowBytes?: number;
  /** Look at every sequence; filters must be of one topic then. Otherwise events are counted. */
  readonly checked: boolean;
}

export interface SinkCounts {
  /** See machineMs. */
  readonly atMs: number;
  readonly cpuMicroseconds: number;
  /** By subscriber. */
  readonly events: readonly number[];
}

export interface SinkReport {
  readonly events: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Sequences that were left out, and those that came again. */
  readonly lost: number;
  readonly doubled: number;
  /** How the stream ended; undefined while it is open. */
  readonly ended: string | undefined;
}

export interface SinkQuestions {
  count(): SinkCounts;
  report(): readonly SinkReport[];
  /** These give their streams no more window. */
  hold(subscribers: readonly number[]): void;
  release(subscribers: readonly number[]): void;
  /** These connections take nothing off the network. */
  pause(connections: readonly number[]): void;
  resume(connections: readonly number[]): void;
  /** TCP RST. */
  breakOff(connections: readonly number[]): void;
}

export type Sinks = LoadProcess<SinkQuestions>;

/** @returns once every request is on its way; that they are subscribed shows when an event comes. */
export function startSinks(config: SinksConfig): Promise<Sinks> {
  return startLoad<SinkQuestions>(join(import.meta.dirname, 'sinks-program.ts'), config);
}
