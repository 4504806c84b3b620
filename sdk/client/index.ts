/**
 * `mcp2/client`: for whoever calls. What is exported here is the public API; test/architecture/public-api.test.ts has
 * the list.
 */

export type { Reason } from '#lib/errors.ts';
export { CallError, type ClientReason } from '#lib/grpc/call-error.ts';
export type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
export type { LookupRequest } from '#protos/generated/mcp2/LookupRequest.ts';
export type { LookupResponse__Output as LookupAnswer } from '#protos/generated/mcp2/LookupResponse.ts';
export { loadServices, type Services } from '#protos/load.ts';
export type { Card, CardContext, CardSchema, CardTool } from './card.ts';
export type { CallOptions, LookupOptions, Mcp2Client } from './client.ts';
export {
  type CloudEvent,
  type CloudEventMessage,
  fromCloudEvent,
  type PublishableEvent,
  toCloudEvent,
} from './cloud-events.ts';
export { type ConnectOptions, connect } from './connect.ts';
export type { ContextOptions } from './context-calls.ts';
export type { EventCallOptions } from './event-calls.ts';
export type { SubscriptionInfo, TopicInfo } from './event-lists.ts';
export type { EventPayload, Published, PublishOptions } from './event-request.ts';
export type { Attempt, ClientCall, Handler, MethodInfo, Middleware } from './middleware.ts';
export type { ReceivedEvent } from './received-event.ts';
export type { ContextResult, ToolResult } from './results.ts';
export type { EndpointQuery, TargetOptions } from './server-caller.ts';
export { NotConfigured } from './settings.ts';
export type { Publisher, PublisherOptions } from './stream-publisher.ts';
export type { Gap, Resume, StartPosition, SubscribeOptions } from './subscribe-request.ts';
export type { Subscription } from './subscription.ts';
export { type TokenSource, tokenFile } from './token-source.ts';
export type { ToolOptions } from './tool-calls.ts';
export { ToolFailure } from './tool-failure.ts';
