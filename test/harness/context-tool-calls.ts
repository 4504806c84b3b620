/** Calls of a server of contexts and tools over a real connection, with every right for it. */
import type { CallSettings } from '#lib/grpc/channel.ts';
import { createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import type { ContextRequest } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse__Output } from '#protos/generated/mcp2/ContextResponse.ts';
import type { ContextToolDefinition } from '#protos/generated/mcp2/ContextTool.ts';
import type { ServiceInfoDefinition } from '#protos/generated/mcp2/ServiceInfo.ts';
import type { ToolRequest } from '#protos/generated/mcp2/ToolRequest.ts';
import type { ToolResponse__Output } from '#protos/generated/mcp2/ToolResponse.ts';
import { loadServices } from '#protos/load.ts';
import type { TestTokens } from './registry-fixture.ts';

export type Texts = Readonly<Record<string, string>>;
export type Values = Readonly<Record<string, string | Buffer>>;

/** The members that tests look at. */
export interface CardJson {
  readonly name: string;
  readonly version: string;
  readonly capabilities: readonly string[];
  readonly contexts?: readonly { readonly key: string }[];
  readonly tools?: readonly { readonly name: string; readonly schema_hash: string; readonly idempotency?: string }[];
}

export interface ContextToolCalls extends Disposable {
  readonly contextTool: ServiceClient<ContextToolDefinition>;
  readonly serviceInfo: ServiceClient<ServiceInfoDefinition>;
  /** host:port. */
  readonly target: string;
  readonly token: string;
  request(
    key: string,
    parameters?: Values,
    more?: Partial<ContextRequest>,
    settings?: CallSettings,
  ): Promise<ContextResponse__Output>;
  /** What a context answers, as text. */
  read(key: string, parameters?: Values): Promise<string>;
  invoke(
    tool: string,
    args?: Values,
    more?: Partial<ToolRequest>,
    settings?: CallSettings,
  ): Promise<ToolResponse__Output>;
  /** Its outputs as text, or its error_code. */
  run(tool: string, args?: Values, more?: Partial<ToolRequest>): Promise<Texts | string>;
  card(): Promise<CardJson>;
}

/** @param target host:port. */
export async function openCalls(target: string, serverName: string, tokens: TestTokens): Promise<ContextToolCalls> {
  const token = await tokens.mint({ aud: [serverName], capabilities: ['context:*', 'tool:*'], ttlSeconds: 3600 });
  const services = loadServices();
  const contextTool = createClient(services.ContextTool, target, { credentials: plaintextClient() });
  const serviceInfo = createClient(services.ServiceInfo, target, { credentials: plaintextClient() });
  const request: ContextToolCalls['request'] = (context_key, parameters = {}, more = {}, settings = {}) => {
    const asked = { context_key, parameters: bytesOf(parameters), capability_token: token, ...more };
    return contextTool.call('RequestContext', asked, settings);
  };
  const invoke: ContextToolCalls['invoke'] = (tool_name, args = {}, more = {}, settings = {}) => {
    const asked = { tool_name, arguments: bytesOf(args), capability_token: token, ...more };
    return contextTool.call('InvokeTool', asked, settings);
  };
  return {
    ...{ contextTool, serviceInfo, target, token, request, invoke },
    read: async (key, parameters) => (await request(key, parameters)).serialized_value.toString(),
    async run(tool, args, more) {
      const { success, outputs, error_code: code } = await invoke(tool, args, more);
      return success ? textsOf(outputs) : code;
    },
    async card() {
      const { card } = await serviceInfo.call('GetCard', { requester_token: token });
      return JSON.parse(String(card?.card_json)) as CardJson;
    },
    [Symbol.dispose]() {
      contextTool.close();
      serviceInfo.close();
    },
  };
}

function bytesOf(values: Values): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Buffer.from(value as string)]));
}

export function textsOf(bytes: Readonly<Record<string, Buffer>>): Texts {
  return Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, value.toString()]));
}
