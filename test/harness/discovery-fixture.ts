/**
 * What a client needs to be tried: a real registry behind a proxy, and servers that are registered in it, each behind a
 * proxy of its own.
 */

import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { implement } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import type { ContextRequest__Output } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import type { ToolRequest__Output } from '#protos/generated/mcp2/ToolRequest.ts';
import type { ToolResponse } from '#protos/generated/mcp2/ToolResponse.ts';
import { loadServices } from '#protos/load.ts';
import { type ConnectOptions, connect, type Mcp2Client } from '#sdk/client/index.ts';
import { startGrpcServer } from './grpc-server.ts';
import { createTokens, startRegistry, startStore, type TestRegistry, type TestTokens } from './registry-fixture.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const { ContextTool, ServiceInfo } = loadServices();

export interface ServerHandlers {
  readonly context?: (request: ContextRequest__Output) => Promise<ContextResponse>;
  readonly tool?: (request: ToolRequest__Output) => Promise<ToolResponse>;
  /** Asked for each time. Default: the server does not know ServiceInfo. */
  readonly card?: () => object;
}

export interface RegisteredServer {
  /** Registered address: the proxy's. */
  readonly address: string;
  readonly proxy: TcpProxy;
  /** Requests that reached its handlers. */
  readonly calls: () => number;
}

export class DiscoveryFixture implements AsyncDisposable {
  readonly registry: TestRegistry;
  readonly registryProxy: TcpProxy;
  readonly tokens: TestTokens;
  readonly #stack: AsyncDisposableStack;

  constructor(parts: Pick<DiscoveryFixture, 'registry' | 'registryProxy' | 'tokens'>, stack: AsyncDisposableStack) {
    this.registry = parts.registry;
    this.registryProxy = parts.registryProxy;
    this.tokens = parts.tokens;
    this.#stack = stack;
  }

  /** A server of this name for "db:inventory:read" and "tool:order". */
  async serve(server_name: string, { context, tool, card }: ServerHandlers): Promise<RegisteredServer> {
    let calls = 0;
    const answers = {
      RequestContext: unary(async (request: ContextRequest__Output) => {
        calls += 1;
        return context === undefined ? { serialized_value: Buffer.from(server_name) } : context(request);
      }),
      InvokeTool: unary(async (request: ToolRequest__Output) => {
        calls += 1;
        return tool === undefined ? { success: true } : tool(request);
      }),
    };
    const getCard = () => {
      if (card === undefined) throw new ServiceError('UNIMPLEMENTED', 'this server has no card');
      return { card: { card_json: Buffer.from(JSON.stringify(card())) } };
    };
    const services = [implement(ContextTool, answers), implement(ServiceInfo, { GetCard: unary(getCard) })];
    const server = this.#stack.use(await startGrpcServer(services));
    const proxy = this.#stack.use(await startTcpProxy({ targetPort: server.port }));
    const address = `127.0.0.1:${proxy.port}`;
    await this.register(server_name, address);
    return { address, proxy, calls: () => calls };
  }

  async register(server_name: string, grpc_url: string): Promise<void> {
    await this.registry.client.call('Register', {
      server_name,
      grpc_url,
      capabilities: ['db:inventory:read', 'tool:order'],
      registration_token: await this.tokens.mint(),
      ttl_seconds: 300,
    });
  }

  /** A client of the registry's proxy, with a token that may use everything that is served here. */
  async connect(options: ConnectOptions = {}): Promise<Mcp2Client> {
    const token = await this.tokens.mint({ sub: 'shop.agent', capabilities: ['db:inventory:read', 'tool:order'] });
    const registry = `127.0.0.1:${this.registryProxy.port}`;
    const client = await connect({ registry, token, ambient: { env: {}, homeFolder: '/nowhere' }, ...options });
    this.#stack.defer(() => client.close());
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export async function startDiscovery(): Promise<DiscoveryFixture> {
  const stack = new AsyncDisposableStack();
  const tokens = await createTokens();
  const { store } = stack.use(await startStore('embedded'));
  const registry = stack.use(await startRegistry({ store, tokens }));
  await registry.running.ready;
  const registryProxy = stack.use(await startTcpProxy({ targetPort: registry.running.port }));
  return new DiscoveryFixture({ registry, registryProxy, tokens }, stack);
}

/** Wall time of a piece of work, in milliseconds. */
export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  await work();
  return systemClock.monotonicMs() - startedMs;
}
