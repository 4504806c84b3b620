/**
 * `mcp2/server`: for whoever writes a server. What is exported here is the public API; test/architecture/public-api.test.ts
 * has the list.
 */

export { type Reason, ServiceError, type ServiceErrorOptions } from '#lib/errors.ts';
export { CallError } from '#lib/grpc/call-error.ts';
export type { Logger } from '#lib/logger.ts';
export { loadServices, type Services } from '#protos/load.ts';
export type { EventPayload, Published, PublishOptions } from '../client/event-request.ts';
export { NotConfigured } from '../client/settings.ts';
export type { Publisher, PublisherOptions } from '../client/stream-publisher.ts';
export { type TokenSource, tokenFile } from '../client/token-source.ts';
export type { ContextHandler, ContextOptions } from './context-definition.ts';
export {
  type CreateServerOptions,
  createServer,
  DeclarationError,
  type ListeningPorts,
  type ListenOptions,
  type Mcp2Server,
  type RegisterOptions,
} from './create-server.ts';
export type { Call, Caller, ContentPiece, JsonObject, JsonSchema } from './declaration.ts';
export type { TrustOptions } from './find-trust.ts';
export type { Handler, MethodInfo, Middleware, ServerCall } from './middleware.ts';
export type { ServerToken } from './publishing.ts';
export type { ArgumentsOf, ResultOf, Schema, SegmentsOf } from './schema-inference.ts';
export type { StandardSchema } from './standard-schema.ts';
export { type ToolHandler, type ToolOptions, ToolResult } from './tool-definition.ts';
export { ToolFailed } from './tool-failed.ts';
