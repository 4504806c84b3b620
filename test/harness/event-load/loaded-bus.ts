/** The event bus as a process of its own, as a pod runs it, for loads: without quotas, and looked at from outside. */
import { readdirSync, readFileSync } from 'node:fs';
import type { EventPublishRequest } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { loadServices } from '#protos/load.ts';
import { type BusProcess, type BusProcessOptions, startBusProcess } from '../event-bus.ts';

export interface LoadedBus extends BusProcess {
  /** May publish and subscribe to everything, for an hour. */
  readonly token: string;
  /** Resident memory. */
  rssBytes(): number;
  openFiles(): number;
  /** Sum of the series of this name in /metrics. */
  metric(name: string): Promise<number>;
}

const NODE_ARGS = ['--max-semi-space-size=8'];
const TOKEN_SECONDS = 3_600;
/** Loads are made by one caller, who would meet the quotas of one otherwise. */
const NO_QUOTAS = {
  MCP2_EVENT_BUS_QUOTA_PUBLISHES: '1000000000',
  MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST: '1000000000',
  MCP2_EVENT_BUS_QUOTA_BYTES: '1000000000000',
  MCP2_EVENT_BUS_QUOTA_BYTE_BURST: '1000000000000',
  MCP2_EVENT_BUS_QUOTA_SUBSCRIPTIONS: '1000000',
  MCP2_EVENT_BUS_QUOTA_NEW_TOPICS: '1000000',
};

export async function startLoadedBus({ settings, ...options }: BusProcessOptions = {}): Promise<LoadedBus> {
  const bus = await startBusProcess({ ...options, settings: { ...NO_QUOTAS, ...settings }, nodeArgs: NODE_ARGS });
  const { token } = await bus.caller({ sub: 'load.agent', ttlSeconds: TOKEN_SECONDS });
  const proc = (file: string) => `/proc/${bus.process.pid}/${file}`;
  return Object.assign(bus, {
    token,
    rssBytes: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(proc('status'), 'utf8'))?.[1]) * 1024,
    openFiles: () => readdirSync(proc('fd')).length,
    metric: async (name: string) => sumOf(await (await fetch(`http://127.0.0.1:${bus.opsPort}/metrics`)).text(), name),
  });
}

function sumOf(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => /^[^{ ]*/.exec(line)?.[0] === name);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** As the raw programs want them. */
export function encodeSubscribe(request: EventSubscribeRequest): string {
  return loadServices().EventBus.Subscribe.requestSerialize(request).toString('base64');
}

/** The token goes with the first, which has the first topic too; then the topics in turn. */
export function encodePublishes(token: string, topics: readonly string[], payloadBytes: number): string[] {
  const { requestSerialize } = loadServices().EventBus.PublishStream;
  const payload = Buffer.alloc(payloadBytes, 7);
  const encode = (request: EventPublishRequest) => requestSerialize(request).toString('base64');
  return [
    encode({ topic: topics[0] as string, payload, publisher_token: token }),
    ...topics.map((topic) => encode({ topic, payload })),
  ];
}
