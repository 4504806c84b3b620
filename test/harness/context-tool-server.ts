/** A server of contexts and tools in this process, over a real connection, from declarations that the test writes. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '#lib/clock.ts';
import type { CallError } from '#lib/grpc/call-error.ts';
import { createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import type { ServerMiddleware } from '#lib/grpc/method.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { type RunningService, startService } from '#lib/service/start-service.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import type { ContextToolDefinition } from '#protos/generated/mcp2/ContextTool.ts';
import type { ServiceInfoDefinition } from '#protos/generated/mcp2/ServiceInfo.ts';
import { loadServices } from '#protos/load.ts';
import { type ContextToolService, createContextToolService } from '#sdk/server/context-tool-service.ts';
import type { ContextDeclaration, ToolDeclaration } from '#sdk/server/declaration.ts';
import { createOffer, type Offer } from '#sdk/server/offer.ts';
import { createTokens, ISSUER, type TestTokens } from './registry-fixture.ts';

export const SERVER_NAME = 'Db_Shop';

export interface Declarations {
  readonly version?: string;
  readonly contexts?: readonly ContextDeclaration[];
  readonly tools?: readonly ToolDeclaration[];
}

export interface TestServer extends AsyncDisposable {
  readonly service: ContextToolService;
  readonly running: RunningService;
  /** host:port. */
  readonly target: string;
  readonly tokens: TestTokens;
  readonly contextTool: ServiceClient<ContextToolDefinition>;
  readonly serviceInfo: ServiceClient<ServiceInfoDefinition>;
  /** Every line that was logged. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** With every right, for this server, unless the claims say otherwise. */
  mint(claims?: Partial<MintRequest>, options?: { readonly nowMs?: number }): Promise<string>;
  metrics(): Promise<string>;
}

export function offerOf({ version = '1.0.0', contexts = [], tools = [] }: Declarations): Offer {
  const result = createOffer({ name: SERVER_NAME, version, contexts, tools });
  if (result.ok) return result.offer;
  throw new Error(result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
}

export async function startTestServer(
  declarations: Declarations,
  { middleware = [] }: { readonly middleware?: readonly ServerMiddleware[] } = {},
): Promise<TestServer> {
  const tokens = await createTokens();
  const protos = loadServices();
  const log: Readonly<Record<string, unknown>>[] = [];
  const metrics = createMetrics({ service: 'test', process: false });
  const runtime = {
    clock: systemClock,
    log: createLogger({
      service: 'test',
      level: 'debug',
      stream: { write: (line) => void log.push(JSON.parse(line)) },
    }),
    metrics,
  };
  const service = createContextToolService(offerOf(declarations), { ...runtime, protos, randomBytes });
  const running = await startService(runtime, {
    name: 'test server',
    serverName: SERVER_NAME,
    settings: {
      listen: '127.0.0.1:0',
      opsListen: undefined,
      trust: { issuer: ISSUER, jwksFile: tokens.jwksFile, jwksUrl: undefined, developmentSecret: undefined },
      tls: undefined,
    },
    serve: (access) => service.serve(access, middleware),
  });
  const target = `127.0.0.1:${running.port}`;
  const contextTool = createClient(protos.ContextTool, target, { credentials: plaintextClient() });
  const serviceInfo = createClient(protos.ServiceInfo, target, { credentials: plaintextClient() });
  return {
    ...{ service, running, target, tokens, contextTool, serviceInfo, log },
    mint: (claims = {}, options) =>
      tokens.mint({ aud: [SERVER_NAME], capabilities: ['db:*:read', 'tool:*'], ...claims }, options),
    metrics: () => metrics.metrics(),
    async [Symbol.asyncDispose]() {
      contextTool.close();
      serviceInfo.close();
      await running.stop(0);
    },
  };
}

/** Why the call was refused, or that it was answered. */
export async function reasonOf(call: Promise<unknown>): Promise<CallError['reason'] | 'answered'> {
  return call.then(
    () => 'answered',
    (error: CallError) => error.reason,
  );
}

/** A context that answers its segments and parameters as JSON, and counts how often it was read. */
export function echoContext(key: string, more: Partial<ContextDeclaration> = {}) {
  const counted = { reads: 0 };
  const context: ContextDeclaration = {
    key,
    read: ({ segments, parameters }) => {
      counted.reads += 1;
      return { content: Buffer.from(JSON.stringify({ ...segments, ...parameters })), contentType: 'application/json' };
    },
    ...more,
  };
  return { context, counted };
}
