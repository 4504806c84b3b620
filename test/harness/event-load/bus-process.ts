/** The event bus as a process of its own, as a pod runs it, with a folder for its log, and tokens that it trusts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_BUS_NAME } from '#lib/well-known.ts';
import type { EventPublishRequest } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { loadServices } from '#protos/load.ts';
import { freePorts } from '../ports.ts';
import { createWorkspace, ManagedProcess } from '../processes.ts';
import { createTokens, ISSUER, type TestTokens } from '../registry-fixture.ts';

export interface BusSetup {
  /** Of the log. Default: one of its own. */
  readonly folder?: string;
  /** Over those below. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface BusProcess extends AsyncDisposable {
  readonly process: ManagedProcess;
  /** host:port */
  readonly target: string;
  readonly tokens: TestTokens;
  /** May publish and subscribe to everything, for an hour. */
  readonly token: string;
  readonly folder: string;
  /** From the start of the process until /readyz said yes. */
  readonly startMs: number;
  restart(env?: Readonly<Record<string, string>>): Promise<BusProcess>;
  /** Resident memory. */
  rssBytes(): number;
  openFiles(): number;
  /** Sum of the series of this name in /metrics. */
  metric(name: string): Promise<number>;
}

const MAIN = join(import.meta.dirname, '../../../services/event-bus/main.ts');
const NODE_FLAGS = ['--max-semi-space-size=8'];
const TOKEN_SECONDS = 3_600;
export const EVENT_RIGHTS: readonly string[] = ['event:publish:*', 'event:subscribe:*'];
/** Loads are made by one caller, who would meet the quotas of one otherwise. */
const NO_QUOTAS = {
  MCP2_EVENT_BUS_QUOTA_PUBLISHES: '1000000000',
  MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST: '1000000000',
  MCP2_EVENT_BUS_QUOTA_BYTES: '1000000000000',
  MCP2_EVENT_BUS_QUOTA_BYTE_BURST: '1000000000000',
  MCP2_EVENT_BUS_QUOTA_SUBSCRIPTIONS: '1000000',
  MCP2_EVENT_BUS_QUOTA_NEW_TOPICS: '1000000',
};

export async function startBusProcess({ folder, env = {} }: BusSetup = {}): Promise<BusProcess> {
  const tokens = await createTokens();
  const claims = { sub: 'load.agent', aud: [EVENT_BUS_NAME], capabilities: EVENT_RIGHTS, ttlSeconds: TOKEN_SECONDS };
  const token = await tokens.mint(claims);
  return start({ folder: folder ?? createWorkspace('bus-log').folder, tokens, token, env });
}

interface Start {
  readonly folder: string;
  readonly tokens: TestTokens;
  readonly token: string;
  readonly env: Readonly<Record<string, string>>;
}

async function start(setup: Start): Promise<BusProcess> {
  const { folder, tokens, token, env } = setup;
  const [port = 0, opsPort = 0] = await freePorts(2);
  const ops = (path: string) => fetch(`http://127.0.0.1:${opsPort}${path}`);
  const process = new ManagedProcess({
    name: 'event-bus',
    command: globalThis.process.execPath,
    args: [...NODE_FLAGS, MAIN],
    env: {
      MCP2_LISTEN: `127.0.0.1:${port}`,
      MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}`,
      MCP2_ISSUER: ISSUER,
      MCP2_JWKS_FILE: tokens.jwksFile,
      MCP2_EVENT_BUS_LOG_DIR: folder,
      ...NO_QUOTAS,
      ...env,
    },
    ready: async () => (await ops('/readyz')).ok,
  });
  const beganMs = performance.now();
  await process.start();
  const startMs = performance.now() - beganMs;
  return {
    ...{ process, target: `127.0.0.1:${port}`, tokens, token, folder, startMs },
    async restart(others = {}) {
      await process.stop();
      return start({ ...setup, env: { ...env, ...others } });
    },
    rssBytes: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1]) * 1024,
    openFiles: () => readdirSync(`/proc/${process.pid}/fd`).length,
    metric: async (name) => sumOf(await (await ops('/metrics')).text(), name),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
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
