/**
 * Agents that look a server up and call it, over and over, as docs/clients.md says; runs in a pod of the product's
 * image, which has no tests: this file and record.ts are mounted below /app, so that `#lib` means the image's own code.
 *
 * The first argument is a TrafficSettings as JSON. `GET /report?from=&to=`, `/changes?from=` and `/lookup?query=&target=` answer
 * on the ops port; `/ready` once every agent has found and called something.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelCredentials, status } from '@grpc/grpc-js';
import { systemClock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient, tlsClient } from '#lib/grpc/credentials.ts';
import { createLogger } from '#lib/observe/logger.ts';
import type { ContextToolDefinition } from '#protos/generated/mcp2/ContextTool.ts';
import type { DiscoveryDefinition } from '#protos/generated/mcp2/Discovery.ts';
import type { EndpointDescriptor__Output } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { Transport } from '#protos/generated/mcp2/Transport.ts';
import { loadServices, type Services } from '#protos/load.ts';
import { type CallKind, TrafficRecord } from './record.ts';

export interface TrafficSettings {
  /** host:port, or any gRPC target. */
  readonly registry: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly capability: string;
  /** Empty: any server. */
  readonly serverName: string;
  readonly contextKey: string;
  readonly agents: number;
  readonly pauseMs: number;
  readonly port: number;
}

const LOOKUP_DEADLINE_MS = 10_000;
const ATTEMPT_DEADLINE_MS = 2_000;
const MAX_ATTEMPTS = 3;
const TOKEN_AGE_MS = 1_000;
const RETRIED: readonly status[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED];

interface Agent {
  readonly number: number;
  readonly registry: ServiceClient<DiscoveryDefinition>;
  /** By address and certificate name; opened when first called. */
  readonly servers: Map<string, ServiceClient<ContextToolDefinition>>;
  /** The last answer: better than none. */
  endpoints: readonly EndpointDescriptor__Output[];
  isReady: boolean;
}

class Traffic {
  readonly #settings: TrafficSettings;
  readonly #credentials: ChannelCredentials;
  readonly #services: Services = loadServices();
  readonly #agents: readonly Agent[];
  readonly record: TrafficRecord;
  #token = '';
  #tokenReadAtMs = 0;

  constructor(settings: TrafficSettings, credentials: ChannelCredentials) {
    this.#settings = settings;
    this.#credentials = credentials;
    this.record = new TrafficRecord(settings.agents);
    this.#agents = Array.from({ length: settings.agents }, (_, number) => ({
      number,
      registry: this.#connectRegistry(),
      servers: new Map(),
      endpoints: [],
      isReady: false,
    }));
  }

  get isReady(): boolean {
    return this.#agents.every(({ isReady }) => isReady);
  }

  run(): void {
    for (const agent of this.#agents) void this.#runAgent(agent);
  }

  /** One Lookup on a connection of its own. `target`: host:port of one registry pod, in place of any. */
  async lookup(query: object, target?: string): Promise<object> {
    const registry = this.#connectRegistry(target);
    try {
      return await registry.call('Lookup', { requester_token: this.#readToken(), ...query });
    } finally {
      registry.close();
    }
  }

  async #runAgent(agent: Agent): Promise<void> {
    await sleep((agent.number * this.#settings.pauseMs) / this.#settings.agents);
    for (;;) {
      const isFound = await this.#lookUp(agent);
      const isCalled = agent.endpoints.length > 0 && (await this.#call(agent));
      agent.isReady ||= isFound && isCalled;
      await sleep(this.#settings.pauseMs);
    }
  }

  async #lookUp(agent: Agent): Promise<boolean> {
    const { capability, serverName } = this.#settings;
    const request = {
      requester_token: this.#readToken(),
      capability_filter: [capability],
      server_name: serverName,
    };
    return this.#measure('lookup', agent, async () => {
      const { endpoints, stale } = await agent.registry.call('Lookup', request);
      agent.endpoints = endpoints;
      const names = endpoints.map(({ server_name, grpc_url }) => `${server_name} ${grpc_url}`).sort();
      this.record.answered({ atMs: Date.now(), agent: agent.number, endpoints: names });
      return { stale, empty: endpoints.length === 0 };
    });
  }

  /** The next endpoint is the retry. */
  #call(agent: Agent): Promise<boolean> {
    let attempts = 0;
    const request = {
      capability_token: this.#readToken(),
      context_key: this.#settings.contextKey,
      parameters: { filter: Buffer.from("warehouse='NY'") },
    };
    const run = async (): Promise<object> => {
      for (const endpoint of [...agent.endpoints, ...agent.endpoints].slice(0, MAX_ATTEMPTS)) {
        attempts += 1;
        try {
          await this.#serverOf(agent, endpoint).call('RequestContext', request, { deadlineMs: ATTEMPT_DEADLINE_MS });
          return { attempts };
        } catch (error) {
          if (attempts >= MAX_ATTEMPTS || !(error instanceof CallError) || !RETRIED.includes(error.code)) throw error;
        }
      }
      throw new Error('no endpoint');
    };
    return this.#measure('call', agent, run);
  }

  /** Never rejects. @returns whether it went well. */
  async #measure(kind: CallKind, { number: agent }: Agent, run: () => Promise<object>): Promise<boolean> {
    const startedMs = Date.now();
    try {
      const details = await run();
      this.record.add({ kind, agent, startedMs, endedMs: Date.now(), outcome: 'OK', ...details });
      return true;
    } catch (error) {
      const { outcome, message } = describe(error);
      this.record.add({ kind, agent, startedMs, endedMs: Date.now(), outcome, message });
      return false;
    }
  }

  #connectRegistry(target = this.#settings.registry): ServiceClient<DiscoveryDefinition> {
    return createClient(this.#services.Discovery, target, {
      credentials: this.#credentials,
      deadlineMs: LOOKUP_DEADLINE_MS,
      idempotent: ['Lookup'],
      channel: {
        'grpc.keepalive_time_ms': 10_000,
        'grpc.keepalive_timeout_ms': 3_000,
        // Agents would otherwise share one connection.
        'grpc.use_local_subchannel_pool': 1,
        'grpc.ssl_target_name_override': this.#settings.registry.replace(/:[0-9]+$/, ''),
      },
    });
  }

  #serverOf(
    { servers }: Agent,
    { grpc_url, transport, tls_server_name }: EndpointDescriptor__Output,
  ): ServiceClient<ContextToolDefinition> {
    const key = `${transport} ${grpc_url} ${tls_server_name}`;
    const known = servers.get(key);
    if (known !== undefined) return known;
    const isPlaintext = transport === Transport.TRANSPORT_PLAINTEXT;
    const client = createClient(this.#services.ContextTool, grpc_url, {
      credentials: isPlaintext ? plaintextClient() : this.#credentials,
      channel: {
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 1_000,
        'grpc.use_local_subchannel_pool': 1,
        ...(isPlaintext || tls_server_name === '' ? {} : { 'grpc.ssl_target_name_override': tls_server_name }),
      },
    });
    servers.set(key, client);
    return client;
  }

  #readToken(): string {
    if (Date.now() - this.#tokenReadAtMs > TOKEN_AGE_MS) {
      this.#token = readFileSync(this.#settings.tokenFile, 'utf8').trim();
      this.#tokenReadAtMs = Date.now();
    }
    return this.#token;
  }
}

function describe(error: unknown): { readonly outcome: string; readonly message: string } {
  if (!(error instanceof CallError)) return { outcome: 'ERROR', message: String(error) };
  const code = status[error.code] ?? String(error.code);
  const isSaid = error.reason !== undefined && error.reason !== code;
  return { outcome: isSaid ? `${code} ${error.reason}` : code, message: error.message };
}

async function answer(traffic: Traffic, url: URL): Promise<{ readonly code: number; readonly body: unknown }> {
  const number = (name: string, fallback: number) => Number(url.searchParams.get(name) ?? fallback);
  switch (url.pathname) {
    case '/ready':
      return { code: traffic.isReady ? 200 : 503, body: traffic.record.report(0, Date.now()) };
    case '/report':
      return { code: 200, body: traffic.record.report(number('from', 0), number('to', Date.now())) };
    case '/changes':
      return { code: 200, body: traffic.record.changes(number('from', 0)) };
    case '/now':
      return { code: 200, body: Date.now() };
    case '/lookup':
      return { code: 200, body: await lookUp(traffic, url.searchParams) };
    default:
      return { code: 404, body: 'unknown' };
  }
}

function lookUp(traffic: Traffic, parameters: URLSearchParams): Promise<object> {
  const query = JSON.parse(parameters.get('query') ?? '{}') as object;
  return traffic.lookup(query, parameters.get('target') ?? undefined);
}

async function main(settings: TrafficSettings): Promise<void> {
  const log = createLogger({ service: 'traffic', level: 'warn' });
  const { credentials } = await tlsClient({ caFile: settings.caFile }, { clock: systemClock, log });
  const traffic = new Traffic(settings, credentials);
  traffic.run();
  const server = createServer((request, response) => {
    answer(traffic, new URL(request.url ?? '/', 'http://traffic'))
      .catch((error: unknown) => ({ code: 500, body: String(error) }))
      .then(({ code, body }) => response.writeHead(code).end(JSON.stringify(body)));
  });
  server.listen(settings.port, '0.0.0.0');
  process.on('SIGTERM', () => process.exit(0));
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as TrafficSettings);
