/**
 * Agents that look a server up and call it with the product's own client, over and over; runs in a pod of the product's
 * image, which has no tests: this file and record.ts are mounted below /app, so that `#sdk` means the image's own code.
 *
 * The first argument is a TrafficSettings as JSON. `GET /report?from=&to=`, `/changes?from=` and `/lookup?query=&target=` answer
 * on the ops port; `/ready` once every agent has found and called something.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import {
  CallError,
  type ClientCall,
  connect,
  type LookupAnswer,
  loadServices,
  type Mcp2Client,
  type Middleware,
  type Services,
  tokenFile,
} from '#sdk/client/index.ts';
import { type CallKind, TrafficRecord } from './record.ts';

const KINDS: Readonly<Record<string, CallKind>> = { 'Discovery.Lookup': 'lookup', 'ContextTool.InvokeTool': 'tool' };

export interface TrafficSettings {
  /** host:port, or any gRPC target. */
  readonly registry: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly capability: string;
  /** Empty: any server. */
  readonly serverName: string;
  readonly contextKey: string;
  /** Called after the context, each time with a key of its own that repetitions share. Absent: none is. */
  readonly tool?: { readonly name: string; readonly arguments: object } | undefined;
  readonly agents: number;
  readonly pauseMs: number;
  readonly port: number;
}

interface Agent {
  readonly number: number;
  readonly mcp2: Mcp2Client;
  /** Whether the last answer of the registry had an endpoint. */
  hasEndpoints: boolean;
  isReady: boolean;
}

class Traffic {
  readonly #settings: TrafficSettings;
  readonly #services: Services = loadServices();
  readonly #agents: Agent[] = [];
  readonly record: TrafficRecord;

  constructor(settings: TrafficSettings) {
    this.#settings = settings;
    this.record = new TrafficRecord(settings.agents);
  }

  get isReady(): boolean {
    return this.#agents.length > 0 && this.#agents.every(({ isReady }) => isReady);
  }

  async run(): Promise<void> {
    for (let number = 0; number < this.#settings.agents; number += 1) {
      const mcp2 = await this.#connect({ middleware: [this.#recorder(number)] });
      this.#agents.push({ number, mcp2, hasEndpoints: false, isReady: false });
    }
    for (const agent of this.#agents) void this.#runAgent(agent);
  }

  /** One Lookup on a connection of its own. `target`: host:port of one registry pod, in place of any. */
  async lookup(query: object, target?: string): Promise<object> {
    using mcp2 = await this.#connect({ registry: target ?? this.#settings.registry });
    return await mcp2.lookup(query);
  }

  async #runAgent(agent: Agent): Promise<void> {
    await sleep((agent.number * this.#settings.pauseMs) / this.#settings.agents);
    for (;;) {
      const isFound = await this.#lookUp(agent);
      const isCalled = agent.hasEndpoints && (await this.#callBoth(agent));
      agent.isReady ||= isFound && isCalled;
      await sleep(this.#settings.pauseMs);
    }
  }

  /** @returns whether it went well; how it went is recorded by the layer round it. */
  async #lookUp(agent: Agent): Promise<boolean> {
    const { capability, serverName } = this.#settings;
    const query = { capability_filter: [capability], server_name: serverName };
    return agent.mcp2.lookup(query).then(
      ({ endpoints }) => {
        agent.hasEndpoints = endpoints.length > 0;
        return true;
      },
      () => false,
    );
  }

  /** The tool whatever became of the context. */
  async #callBoth(agent: Agent): Promise<boolean> {
    const isRead = await this.#call(agent);
    const isInvoked = await this.#invoke(agent);
    return isRead && isInvoked;
  }

  #call({ mcp2 }: Agent): Promise<boolean> {
    const { capability, serverName: server, contextKey } = this.#settings;
    const request = { context_key: contextKey };
    const call = mcp2.call(this.#services.ContextTool, 'RequestContext', request, { capability, server });
    return call.then(
      () => true,
      () => false,
    );
  }

  async #invoke({ mcp2 }: Agent): Promise<boolean> {
    const { tool, serverName: server } = this.#settings;
    if (tool === undefined) return true;
    const request = {
      tool_name: tool.name,
      arguments_json: Buffer.from(JSON.stringify(tool.arguments)),
      idempotency_key: randomUUID(),
    };
    const options = { capability: `tool:${tool.name}`, server, idempotent: true };
    return mcp2.call(this.#services.ContextTool, 'InvokeTool', request, options).then(
      ({ success }) => success,
      () => false,
    );
  }

  /** Every Lookup and call of an agent, with the attempts that it took. */
  #recorder(agent: number): Middleware {
    return (next, { name }) =>
      async (request, call) => {
        const kind = KINDS[name] ?? 'call';
        const startedMs = Date.now();
        try {
          const answer = await next(request, call);
          const details = kind === 'lookup' ? this.#answered(agent, answer as LookupAnswer) : attemptsOf(call);
          this.record.add({ kind, agent, startedMs, endedMs: Date.now(), outcome: 'OK', ...details });
          return answer;
        } catch (error) {
          this.record.add({ kind, agent, startedMs, endedMs: Date.now(), ...describe(error), ...attemptsOf(call) });
          throw error;
        }
      };
  }

  #answered(agent: number, { endpoints, stale }: LookupAnswer): object {
    const names = endpoints.map(({ server_name, grpc_url }) => `${server_name} ${grpc_url}`).sort();
    this.record.answered({ atMs: Date.now(), agent, endpoints: names });
    return { stale, empty: endpoints.length === 0 };
  }

  #connect(options: { readonly registry?: string; readonly middleware?: readonly Middleware[] }): Promise<Mcp2Client> {
    const { registry, caFile, tokenFile: token } = this.#settings;
    return connect({
      ...{ registry, caFile, services: this.#services, token: tokenFile(token) },
      tlsServerName: registry.replace(/:[0-9]+$/, ''),
      ...options,
    });
  }
}

function attemptsOf({ attempts }: ClientCall): { readonly attempts: number } {
  return { attempts: attempts.length };
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
  const traffic = new Traffic(settings);
  await traffic.run();
  const server = createServer(async (request, response) => {
    const { code, body } = await answer(traffic, new URL(request.url ?? '/', 'http://traffic')).catch(
      (error: unknown) => ({ code: 500, body: String(error) }),
    );
    response.writeHead(code).end(JSON.stringify(body));
  });
  server.listen(settings.port, '0.0.0.0');
  process.on('SIGTERM', () => process.exit(0));
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as TrafficSettings);
