// Original file: protos/mcp2/token_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ExchangeRequest as _mcp2_ExchangeRequest, ExchangeRequest__Output as _mcp2_ExchangeRequest__Output } from '../mcp2/ExchangeRequest.ts';
import type { ExchangeResponse as _mcp2_ExchangeResponse, ExchangeResponse__Output as _mcp2_ExchangeResponse__Output } from '../mcp2/ExchangeResponse.ts';
import type { GetJwksRequest as _mcp2_GetJwksRequest, GetJwksRequest__Output as _mcp2_GetJwksRequest__Output } from '../mcp2/GetJwksRequest.ts';
import type { GetJwksResponse as _mcp2_GetJwksResponse, GetJwksResponse__Output as _mcp2_GetJwksResponse__Output } from '../mcp2/GetJwksResponse.ts';
import type { RevocationEvent as _mcp2_RevocationEvent, RevocationEvent__Output as _mcp2_RevocationEvent__Output } from '../mcp2/RevocationEvent.ts';
import type { RevokeRequest as _mcp2_RevokeRequest, RevokeRequest__Output as _mcp2_RevokeRequest__Output } from '../mcp2/RevokeRequest.ts';
import type { RevokeResponse as _mcp2_RevokeResponse, RevokeResponse__Output as _mcp2_RevokeResponse__Output } from '../mcp2/RevokeResponse.ts';
import type { WatchRevocationsRequest as _mcp2_WatchRevocationsRequest, WatchRevocationsRequest__Output as _mcp2_WatchRevocationsRequest__Output } from '../mcp2/WatchRevocationsRequest.ts';

/**
 * Answered by the token service (audience TokenServer).
 */
export interface TokenServiceClient extends grpc.Client {
  /**
   * A capability token in exchange for a credential (RFC 8693). Never widens: asking for more than policy grants is
   * PERMISSION_DENIED, not a smaller token.
   */
  Exchange(argument: _mcp2_ExchangeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  Exchange(argument: _mcp2_ExchangeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  Exchange(argument: _mcp2_ExchangeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  Exchange(argument: _mcp2_ExchangeRequest, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * A capability token in exchange for a credential (RFC 8693). Never widens: asking for more than policy grants is
   * PERMISSION_DENIED, not a smaller token.
   */
  exchange(argument: _mcp2_ExchangeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  exchange(argument: _mcp2_ExchangeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  exchange(argument: _mcp2_ExchangeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  exchange(argument: _mcp2_ExchangeRequest, callback: grpc.requestCallback<_mcp2_ExchangeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The public keys that verify this issuer's tokens. Needs no credential.
   */
  GetJwks(argument: _mcp2_GetJwksRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  GetJwks(argument: _mcp2_GetJwksRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  GetJwks(argument: _mcp2_GetJwksRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  GetJwks(argument: _mcp2_GetJwksRequest, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The public keys that verify this issuer's tokens. Needs no credential.
   */
  getJwks(argument: _mcp2_GetJwksRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  getJwks(argument: _mcp2_GetJwksRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  getJwks(argument: _mcp2_GetJwksRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  getJwks(argument: _mcp2_GetJwksRequest, callback: grpc.requestCallback<_mcp2_GetJwksResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Ends one token, or all tokens of a subject. Idempotent. Allowed to the issuer, to the token's own holder, and to
   * holders of `token:revoke:<sub>`.
   */
  Revoke(argument: _mcp2_RevokeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _mcp2_RevokeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _mcp2_RevokeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _mcp2_RevokeRequest, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Ends one token, or all tokens of a subject. Idempotent. Allowed to the issuer, to the token's own holder, and to
   * holders of `token:revoke:<sub>`.
   */
  revoke(argument: _mcp2_RevokeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  revoke(argument: _mcp2_RevokeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  revoke(argument: _mcp2_RevokeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  revoke(argument: _mcp2_RevokeRequest, callback: grpc.requestCallback<_mcp2_RevokeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Every revocation in force, a BOOKMARK, then each new one, and a BOOKMARK at least every 10 s. A verifier without a
   * BOOKMARK for 30 s refuses writes (UNAVAILABLE, REVOCATION_STALE).
   */
  WatchRevocations(argument: _mcp2_WatchRevocationsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_RevocationEvent__Output>;
  WatchRevocations(argument: _mcp2_WatchRevocationsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_RevocationEvent__Output>;
  /**
   * Every revocation in force, a BOOKMARK, then each new one, and a BOOKMARK at least every 10 s. A verifier without a
   * BOOKMARK for 30 s refuses writes (UNAVAILABLE, REVOCATION_STALE).
   */
  watchRevocations(argument: _mcp2_WatchRevocationsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_RevocationEvent__Output>;
  watchRevocations(argument: _mcp2_WatchRevocationsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_RevocationEvent__Output>;
  
}

/**
 * Answered by the token service (audience TokenServer).
 */
export interface TokenServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * A capability token in exchange for a credential (RFC 8693). Never widens: asking for more than policy grants is
   * PERMISSION_DENIED, not a smaller token.
   */
  Exchange: grpc.handleUnaryCall<_mcp2_ExchangeRequest__Output, _mcp2_ExchangeResponse>;
  
  /**
   * The public keys that verify this issuer's tokens. Needs no credential.
   */
  GetJwks: grpc.handleUnaryCall<_mcp2_GetJwksRequest__Output, _mcp2_GetJwksResponse>;
  
  /**
   * Ends one token, or all tokens of a subject. Idempotent. Allowed to the issuer, to the token's own holder, and to
   * holders of `token:revoke:<sub>`.
   */
  Revoke: grpc.handleUnaryCall<_mcp2_RevokeRequest__Output, _mcp2_RevokeResponse>;
  
  /**
   * Every revocation in force, a BOOKMARK, then each new one, and a BOOKMARK at least every 10 s. A verifier without a
   * BOOKMARK for 30 s refuses writes (UNAVAILABLE, REVOCATION_STALE).
   */
  WatchRevocations: grpc.handleServerStreamingCall<_mcp2_WatchRevocationsRequest__Output, _mcp2_RevocationEvent>;
  
}

export interface TokenServiceDefinition extends grpc.ServiceDefinition {
  Exchange: MethodDefinition<_mcp2_ExchangeRequest, _mcp2_ExchangeResponse, _mcp2_ExchangeRequest__Output, _mcp2_ExchangeResponse__Output>
  GetJwks: MethodDefinition<_mcp2_GetJwksRequest, _mcp2_GetJwksResponse, _mcp2_GetJwksRequest__Output, _mcp2_GetJwksResponse__Output>
  Revoke: MethodDefinition<_mcp2_RevokeRequest, _mcp2_RevokeResponse, _mcp2_RevokeRequest__Output, _mcp2_RevokeResponse__Output>
  WatchRevocations: MethodDefinition<_mcp2_WatchRevocationsRequest, _mcp2_RevocationEvent, _mcp2_WatchRevocationsRequest__Output, _mcp2_RevocationEvent__Output>
}
