// Original file: protos/mcp2/service_info.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetCardRequest as _mcp2_GetCardRequest, GetCardRequest__Output as _mcp2_GetCardRequest__Output } from '../mcp2/GetCardRequest.ts';
import type { GetCardResponse as _mcp2_GetCardResponse, GetCardResponse__Output as _mcp2_GetCardResponse__Output } from '../mcp2/GetCardResponse.ts';

/**
 * Served by every MCP 2.0 server beside its own service, so that the operator and callers can ask the server itself.
 */
export interface ServiceInfoClient extends grpc.Client {
  /**
   * This server's own card. A successful answer to an authenticated call is what the operator takes as proof that the
   * endpoint is the server it claims to be.
   * Errors: UNAUTHENTICATED (token); PERMISSION_DENIED AUDIENCE_MISMATCH or CAPABILITY_DENIED; INVALID_ARGUMENT
   * NAME_INVALID when server_name is another server's.
   */
  GetCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  GetCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  GetCard(argument: _mcp2_GetCardRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  GetCard(argument: _mcp2_GetCardRequest, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  /**
   * This server's own card. A successful answer to an authenticated call is what the operator takes as proof that the
   * endpoint is the server it claims to be.
   * Errors: UNAUTHENTICATED (token); PERMISSION_DENIED AUDIENCE_MISMATCH or CAPABILITY_DENIED; INVALID_ARGUMENT
   * NAME_INVALID when server_name is another server's.
   */
  getCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  getCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  getCard(argument: _mcp2_GetCardRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  getCard(argument: _mcp2_GetCardRequest, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Served by every MCP 2.0 server beside its own service, so that the operator and callers can ask the server itself.
 */
export interface ServiceInfoHandlers extends grpc.UntypedServiceImplementation {
  /**
   * This server's own card. A successful answer to an authenticated call is what the operator takes as proof that the
   * endpoint is the server it claims to be.
   * Errors: UNAUTHENTICATED (token); PERMISSION_DENIED AUDIENCE_MISMATCH or CAPABILITY_DENIED; INVALID_ARGUMENT
   * NAME_INVALID when server_name is another server's.
   */
  GetCard: grpc.handleUnaryCall<_mcp2_GetCardRequest__Output, _mcp2_GetCardResponse>;
  
}

export interface ServiceInfoDefinition extends grpc.ServiceDefinition {
  GetCard: MethodDefinition<_mcp2_GetCardRequest, _mcp2_GetCardResponse, _mcp2_GetCardRequest__Output, _mcp2_GetCardResponse__Output>
}
