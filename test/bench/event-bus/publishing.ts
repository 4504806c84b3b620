/**
 * Publishing that is acknowledged: over 64 topics and one beside JetStream, the same client process and as much in flight;
 * and by a client of frames, which shows the limit of the bus.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { encodePublishes } from '../../harness/event-load/loaded-bus.ts';
import { startPublisher } from '../../harness/event-load/publisher.ts';
import { cpuMicroseconds, type Sample } from '../h2load.ts';
import { type AcknowledgedConfig, type AcknowledgedPublisher, startAcknowledged } from './acknowledged.ts';
import {
  IN_FLIGHT,
  measure,
  PAYLOAD_BYTES,
  type Setting,
  startBus,
  startNatsServer,
  type TimedVariant,
} from './setting.ts';

const TOPICS = 64;

export async function measurePublishing(setting: Setting): Promise<void> {
  const bus = await startBus(setting);
  const nats = await startNatsServer(setting);
  const synced = await startNatsServer(setting, true);
  const pid = bus.process.pid ?? 0;
  for (const count of setting.options.smoke ? [TOPICS] : [TOPICS, 1]) {
    const topics = Array.from({ length: count }, (_, index) => `bench:topics:of${count}:t${index}`);
    const config = { topics, payloadBytes: PAYLOAD_BYTES, inFlight: IN_FLIGHT, token: bus.token };
    const start = (name: string, end: Pick<AcknowledgedConfig, 'through' | 'target' | 'stream'>, server: number) =>
      acknowledged(setting, { name, server, config: { ...config, ...end } });
    const jetStream = { through: 'jetstream', stream: `of${count}` } as const;
    const variants = [
      await start('JetStream, file', { ...jetStream, target: nats.address }, nats.pid),
      await start('JetStream, file, sync always', { ...jetStream, target: synced.address }, synced.pid),
      await start('event bus, mcp2/client', { through: 'client', target: bus.target }, pid),
      await start('event bus, mcp2/client, pipelined', { through: 'client, pipelined', target: bus.target }, pid),
      await start('event bus, grpc-js', { through: 'grpc-js', target: bus.target }, pid),
      await framed(setting, { target: bus.target, requests: encodePublishes(bus.token, topics, PAYLOAD_BYTES), pid }),
    ];
    const shape = `${count} ${count === 1 ? 'topic' : 'topics'}, 1 process, ${IN_FLIGHT} in flight, ${PAYLOAD_BYTES} bytes`;
    const title = 'Acknowledged publishing with PublishStream beside JetStream';
    const target = count === 1 ? 'none' : 'calls/s of the event bus 0.90';
    setting.report(await measure(setting, { title, target, shape }, variants));
  }
}

interface Acknowledged {
  readonly name: string;
  /** Process whose CPU time is counted. */
  readonly server: number;
  readonly config: AcknowledgedConfig;
}

async function acknowledged({ running }: Setting, { name, server, config }: Acknowledged): Promise<TimedVariant> {
  const publisher = running.use(await startAcknowledged(config));
  return { name, run: (seconds) => runAcknowledged(publisher, server, seconds) };
}

async function runAcknowledged(publisher: AcknowledgedPublisher, server: number, seconds: number): Promise<Sample> {
  const cpuBefore = cpuMicroseconds(server);
  const { published, elapsedMs, p50Ms, p99Ms } = await publisher.ask('run', seconds);
  const cpu = cpuMicroseconds(server) - cpuBefore;
  return { callsPerSecond: (published / elapsedMs) * 1000, p50Ms, p99Ms, cpuMicroseconds: cpu / published };
}

interface Framed {
  readonly target: string;
  readonly requests: readonly string[];
  readonly pid: number;
}

async function framed({ running }: Setting, { target, requests, pid }: Framed): Promise<TimedVariant> {
  const publisher = running.use(await startPublisher({ target, requests, inFlight: IN_FLIGHT }));
  const run = async (seconds: number): Promise<Sample> => {
    const first = await publisher.ask('count');
    const cpuBefore = cpuMicroseconds(pid);
    await publisher.ask('start');
    await sleep(seconds * 1000);
    const last = await publisher.ask('stop');
    const cpu = cpuMicroseconds(pid) - cpuBefore;
    const calls = last.acknowledged - first.acknowledged;
    const callsPerSecond = (calls / (last.atMs - first.atMs)) * 1000;
    return { callsPerSecond, p50Ms: Number.NaN, p99Ms: Number.NaN, cpuMicroseconds: cpu / calls };
  };
  return { name: 'event bus, frames alone', run };
}
