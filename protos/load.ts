/**
 * The only place that loads .proto files: service definitions for grpc-js, and the messages of
 * `grpc-status-details-bin`.
 *
 * The types under generated/ describe messages as LOADER_OPTIONS make them; `npm run generate` passes the same options,
 * so a change here needs a new run. Loading reads and parses the files (some 30 ms): call once and pass the result on.
 */
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import type { ErrorInfo, ErrorInfo__Output } from './generated/google/rpc/ErrorInfo.ts';
import type { RetryInfo, RetryInfo__Output } from './generated/google/rpc/RetryInfo.ts';
import type { Status, Status__Output } from './generated/google/rpc/Status.ts';
import type { ContextToolDefinition } from './generated/mcp2/ContextTool.ts';
import type { DiscoveryDefinition } from './generated/mcp2/Discovery.ts';
import type { EventBusDefinition } from './generated/mcp2/EventBus.ts';
import type { ServiceInfoDefinition } from './generated/mcp2/ServiceInfo.ts';
import type { TokenServiceDefinition } from './generated/mcp2/TokenService.ts';

/** The folder that the paths of PROTO_FILES and every `import` in them start from. */
export const PROTO_ROOT = import.meta.dirname;

export const PROTO_FILES = [
  'mcp2/discovery.proto',
  'mcp2/context_tool.proto',
  'mcp2/event_bus.proto',
  'mcp2/token_service.proto',
  'mcp2/service_info.proto',
  'google/rpc/status.proto',
  'google/rpc/error_details.proto',
] as const;

/**
 * How messages look in JavaScript.
 *
 * - keepCase: fields are named as in the .proto file; a name in another case would silently be `undefined`.
 * - longs: half the decode cost of Long objects. Exact below 2^53, which revisions, sequences and times stay under; ids
 *   with 63 random bits (etcd leases) therefore travel as strings.
 * - enums are numbers (the default, no option): `Health.HEALTH_SERVING` of the generated constants. Strings would cost a
 *   table look-up a field, and a misspelt name would be encoded as 0 without an error. A value this version does not know
 *   arrives as its number either way: treat what no case names as an error, never as the zero value.
 * - defaults: a handler never sees `undefined` where a scalar, list or map was left out; an absent message is null.
 * - oneofs: `frame.data` names the member that is set, and `_expected_last_sequence` says that an optional is present.
 */
export const LOADER_OPTIONS = Object.freeze({
  keepCase: true,
  longs: Number,
  defaults: true,
  oneofs: true,
});

export interface Services {
  readonly Discovery: DiscoveryDefinition;
  readonly ContextTool: ContextToolDefinition;
  readonly EventBus: EventBusDefinition;
  readonly TokenService: TokenServiceDefinition;
  readonly ServiceInfo: ServiceInfoDefinition;
}

/** google.rpc messages; a detail's `type_url` is "type.googleapis.com/google.rpc.ErrorInfo" and the like. */
export interface StatusMessages {
  readonly Status: MessageTypeDefinition<Status, Status__Output>;
  readonly ErrorInfo: MessageTypeDefinition<ErrorInfo, ErrorInfo__Output>;
  readonly RetryInfo: MessageTypeDefinition<RetryInfo, RetryInfo__Output>;
}

/** Definitions for `server.addService` and `makeClientConstructor`; the caller keeps them. */
export function loadServices(): Services {
  const find = load();
  return {
    Discovery: find('mcp2.Discovery') as DiscoveryDefinition,
    ContextTool: find('mcp2.ContextTool') as ContextToolDefinition,
    EventBus: find('mcp2.EventBus') as EventBusDefinition,
    TokenService: find('mcp2.TokenService') as TokenServiceDefinition,
    ServiceInfo: find('mcp2.ServiceInfo') as ServiceInfoDefinition,
  };
}

/** Serializers and deserializers for the details of an error; the caller keeps them. */
export function loadStatusMessages(): StatusMessages {
  const find = load();
  return {
    Status: find('google.rpc.Status') as StatusMessages['Status'],
    ErrorInfo: find('google.rpc.ErrorInfo') as StatusMessages['ErrorInfo'],
    RetryInfo: find('google.rpc.RetryInfo') as StatusMessages['RetryInfo'],
  };
}

function load(): (fullName: string) => unknown {
  const definitions = loadSync([...PROTO_FILES], { ...LOADER_OPTIONS, includeDirs: [PROTO_ROOT] });
  return (fullName) => {
    const definition = definitions[fullName];
    if (definition === undefined) throw new Error(`no .proto file defines ${fullName}`);
    return definition;
  };
}
