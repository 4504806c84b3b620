/**
 * The event bus for tests: in this process on the embedded log, or as a process of its own that can be killed; and
 * callers whose tokens it trusts.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { pino } from 'pino';
import { type Clock, systemClock } from '#lib/clock.ts';
import { createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import type { RunningService } from '#lib/service/start-service.ts';
import { mintToken } from '#lib/token/mint.ts';
import type { EventBusDefinition } from '#protos/generated/mcp2/EventBus.ts';
import { loadServices } from '#protos/load.ts';
import { readConfig } from '../../services/event-bus/config.ts';
import { openEmbeddedLog } from '../../services/event-bus/log/embedded/open-log.ts';
import { start } from '../../services/event-bus/start.ts';
import { BusCaller, type CallerClaims } from './bus-caller.ts';
import { freePorts } from './ports.ts';
import { createWorkspace, ManagedProcess } from './processes.ts';
import { createTokens, ISSUER, type TestTokens } from './registry-fixture.ts';

export type BusSettings = Readonly<Record<string, string>>;

export interface BusOptions {
  /** MCP2_EVENT_BUS_… over those of tests, which have quotas that no test reaches. */
  readonly settings?: BusSettings;
  /** Of the log. Default: a new one. */
  readonly folder?: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: of a key of its own. */
  readonly tokens?: TestTokens;
}

export interface TestBus extends AsyncDisposable {
  /** Of the log. */
  readonly folder: string;
  readonly tokens: TestTokens;
  /** host:port; another one after a restart. */
  readonly target: string;
  readonly client: ServiceClient<EventBusDefinition>;
  /** Default: a subject that nobody else has, which may publish and subscribe to everything. */
  caller(claims?: CallerClaims, options?: { readonly nowMs?: number }): Promise<BusCaller>;
  /** Of another issuer, the one of development tokens; with the same rights by default. */
  foreignCaller(sub: string): Promise<BusCaller>;
  /** On another connection, for example through a proxy. */
  callerAt(target: string, caller: BusCaller): BusCaller & Disposable;
  /** A clean end and a start on the same log. */
  restart(settings?: BusSettings): Promise<void>;
}

export interface BusProcess extends TestBus {
  readonly process: ManagedProcess;
  readonly opsPort: number;
}

export interface BusProcessOptions extends BusOptions {
  /** Of Node. */
  readonly nodeArgs?: readonly string[];
}

export const EVERY_EVENT: readonly string[] = ['event:publish:*', 'event:subscribe:*'];

/** No test but those of quotas meets one. */
const WIDE: BusSettings = {
  MCP2_EVENT_BUS_QUOTA_PUBLISHES: '1000000',
  MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST: '1000000',
  MCP2_EVENT_BUS_QUOTA_BYTES: '1000000000',
  MCP2_EVENT_BUS_QUOTA_BYTE_BURST: '1000000000',
  MCP2_EVENT_BUS_QUOTA_NEW_TOPICS: '100000',
};
/** What the proposal's reference client signs with. */
const DEVELOPMENT_SECRET = 'a secret of the reference client, 32 bytes or more';

/** In this process; ready. */
export async function startBus(options: BusOptions = {}): Promise<TestBus> {
  const { folder = createWorkspace('event-bus').folder, clock = systemClock } = options;
  const tokens = options.tokens ?? (await createTokens());
  const usual = { ...trust(tokens), MCP2_LISTEN: '127.0.0.1:0', MCP2_EVENT_BUS_LOG_DIR: folder };
  let settings = { ...WIDE, ...options.settings };
  let running = await open();
  return testBus({ folder, tokens, target: () => `127.0.0.1:${running.service.port}`, restart, stop });

  async function open() {
    const config = readConfig({ ...usual, ...settings });
    const runtime = {
      clock,
      log: pino({ level: 'silent' }),
      metrics: createMetrics({ service: 'event-bus', process: false }),
    };
    const log = await openEmbeddedLog(config.log, runtime);
    const service: RunningService = await start(config, { ...runtime, eventLog: log, protos: loadServices() });
    await service.ready;
    return { service, log };
  }

  async function stop(): Promise<void> {
    await running.service.stop(0);
    await running.log.close();
  }

  async function restart(changed: BusSettings = {}): Promise<void> {
    await stop();
    settings = { ...settings, ...changed };
    running = await open();
  }
}

/** As a pod runs it; ready. Its port stays the same. */
export async function startBusProcess(options: BusProcessOptions = {}): Promise<BusProcess> {
  const { settings = {}, folder, tokens, nodeArgs = [] } = options;
  const log = folder ?? createWorkspace('event-bus').folder;
  const trusted = tokens ?? (await createTokens());
  const [port, opsPort = 0] = await freePorts(2);
  const env: Record<string, string> = {
    ...trust(trusted),
    MCP2_LISTEN: `127.0.0.1:${port}`,
    MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}`,
    MCP2_EVENT_BUS_LOG_DIR: log,
    ...WIDE,
    ...settings,
  };
  const process_ = new ManagedProcess({
    name: 'event-bus',
    command: process.execPath,
    args: [...nodeArgs, join(import.meta.dirname, '../../services/event-bus/main.ts')],
    env,
    ready: async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok,
  });
  await process_.start();
  const stop = async () => void (await process_.kill());
  const restart = async (changed: BusSettings = {}) => {
    Object.assign(env, changed);
    await process_.restart();
  };
  const bus = testBus({ folder: log, tokens: trusted, target: () => `127.0.0.1:${port}`, restart, stop });
  return Object.assign(bus, { process: process_, opsPort });
}

interface BusParts extends Pick<TestBus, 'folder' | 'tokens' | 'restart'> {
  readonly target: () => string;
  readonly stop: () => Promise<void>;
}

function testBus({ folder, tokens, target, restart, stop }: BusParts): TestBus {
  const { EventBus } = loadServices();
  const connect = (at: string) => createClient(EventBus, at, { credentials: plaintextClient() });
  let client = connect(target());
  return {
    folder,
    tokens,
    get target() {
      return target();
    },
    get client() {
      return client;
    },
    async caller(claims = {}, options = {}) {
      const sub = claims.sub ?? ownName('caller');
      const rights = claims.grants === undefined ? { capabilities: EVERY_EVENT } : {};
      const request = { iss: ISSUER, aud: ['EventBusServer'], allowEverything: true, ...rights, ...claims, sub };
      const { nowMs = Date.now() } = options;
      const token = await mintToken(tokens.signingKey, request, { clock: { nowMs: () => nowMs } });
      return new BusCaller(token, sub, () => client);
    },
    async foreignCaller(sub) {
      return new BusCaller(await developmentToken(sub), sub, () => client);
    },
    callerAt(at, { token, sub }) {
      const own = connect(at);
      return Object.assign(new BusCaller(token, sub, () => own), { [Symbol.dispose]: () => own.close() });
    },
    async restart(settings) {
      client.close();
      await restart(settings);
      client = connect(target());
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await stop();
    },
  };
}

/** A segment of a topic, a subject or a durable name that no other test uses. */
export function ownName(what = 'topic'): string {
  return `${what}_${randomUUID().slice(0, 8)}`;
}

/** What the reference's own create_capability_token makes: HS256, no iss, jti or kid. */
export function developmentToken(sub: string, capabilities: readonly string[] = EVERY_EVENT): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ capabilities, aud: ['EventBusServer'] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(sub)
    .setIssuedAt(now)
    .setExpirationTime(now + 600)
    .sign(Buffer.from(DEVELOPMENT_SECRET));
}

/** The key of the test, and the secret of the proposal's own clients. */
function trust({ jwksFile }: TestTokens): BusSettings {
  const secretFile = join(createWorkspace('event-bus-secret').folder, 'secret');
  writeFileSync(secretFile, DEVELOPMENT_SECRET);
  return {
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_FILE: jwksFile,
    MCP2_DEV_HS256: '1',
    MCP2_HS256_SECRET_FILE: secretFile,
  };
}
