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
export type { CallOptions, EndpointQuery, LookupOptions, Mcp2Client } from './client.ts';
export { type ConnectOptions, connect } from './connect.ts';
export type { Attempt, ClientCall, Handler, MethodInfo, Middleware } from './middleware.ts';
export { NotConfigured } from './settings.ts';
export { type TokenSource, tokenFile } from './token-source.ts';
