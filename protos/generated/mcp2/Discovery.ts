// Original file: protos/mcp2/discovery.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DeregisterRequest as _mcp2_DeregisterRequest, DeregisterRequest__Output as _mcp2_DeregisterRequest__Output } from '../mcp2/DeregisterRequest.ts';
import type { DeregisterResponse as _mcp2_DeregisterResponse, DeregisterResponse__Output as _mcp2_DeregisterResponse__Output } from '../mcp2/DeregisterResponse.ts';
import type { GetCardRequest as _mcp2_GetCardRequest, GetCardRequest__Output as _mcp2_GetCardRequest__Output } from '../mcp2/GetCardRequest.ts';
import type { GetCardResponse as _mcp2_GetCardResponse, GetCardResponse__Output as _mcp2_GetCardResponse__Output } from '../mcp2/GetCardResponse.ts';
import type { HeartbeatRequest as _mcp2_HeartbeatRequest, HeartbeatRequest__Output as _mcp2_HeartbeatRequest__Output } from '../mcp2/HeartbeatRequest.ts';
import type { HeartbeatResponse as _mcp2_HeartbeatResponse, HeartbeatResponse__Output as _mcp2_HeartbeatResponse__Output } from '../mcp2/HeartbeatResponse.ts';
import type { LookupRequest as _mcp2_LookupRequest, LookupRequest__Output as _mcp2_LookupRequest__Output } from '../mcp2/LookupRequest.ts';
import type { LookupResponse as _mcp2_LookupResponse, LookupResponse__Output as _mcp2_LookupResponse__Output } from '../mcp2/LookupResponse.ts';
import type { RegisterRequest as _mcp2_RegisterRequest, RegisterRequest__Output as _mcp2_RegisterRequest__Output } from '../mcp2/RegisterRequest.ts';
import type { RegisterResponse as _mcp2_RegisterResponse, RegisterResponse__Output as _mcp2_RegisterResponse__Output } from '../mcp2/RegisterResponse.ts';
import type { WatchEvent as _mcp2_WatchEvent, WatchEvent__Output as _mcp2_WatchEvent__Output } from '../mcp2/WatchEvent.ts';
import type { WatchRequest as _mcp2_WatchRequest, WatchRequest__Output as _mcp2_WatchRequest__Output } from '../mcp2/WatchRequest.ts';

/**
 * Answered by the registry (audience RegistryServer).
 */
export interface DiscoveryClient extends grpc.Client {
  /**
   * Takes an instance away. Idempotent: an instance that is already gone is a success.
   * Errors: PERMISSION_DENIED LEASE_NOT_YOURS; UNAVAILABLE STORE_UNAVAILABLE.
   */
  Deregister(argument: _mcp2_DeregisterRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  Deregister(argument: _mcp2_DeregisterRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  Deregister(argument: _mcp2_DeregisterRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  Deregister(argument: _mcp2_DeregisterRequest, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Takes an instance away. Idempotent: an instance that is already gone is a success.
   * Errors: PERMISSION_DENIED LEASE_NOT_YOURS; UNAVAILABLE STORE_UNAVAILABLE.
   */
  deregister(argument: _mcp2_DeregisterRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  deregister(argument: _mcp2_DeregisterRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  deregister(argument: _mcp2_DeregisterRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  deregister(argument: _mcp2_DeregisterRequest, callback: grpc.requestCallback<_mcp2_DeregisterResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The signed card of a registered server.
   * Errors: NOT_FOUND for a server that does not exist or that the caller may not see.
   */
  GetCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  GetCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  GetCard(argument: _mcp2_GetCardRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  GetCard(argument: _mcp2_GetCardRequest, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The signed card of a registered server.
   * Errors: NOT_FOUND for a server that does not exist or that the caller may not see.
   */
  getCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  getCard(argument: _mcp2_GetCardRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  getCard(argument: _mcp2_GetCardRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  getCard(argument: _mcp2_GetCardRequest, callback: grpc.requestCallback<_mcp2_GetCardResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Keeps leases alive and reports health; every request gets one response. Send one every third of the TTL; one request
   * and half-close is allowed. The stream ends UNAUTHENTICATED when its token expires.
   * Errors: NOT_FOUND INSTANCE_UNKNOWN (register again); PERMISSION_DENIED LEASE_NOT_YOURS, NAME_TAKEN.
   */
  Heartbeat(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_HeartbeatRequest, _mcp2_HeartbeatResponse__Output>;
  Heartbeat(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_HeartbeatRequest, _mcp2_HeartbeatResponse__Output>;
  /**
   * Keeps leases alive and reports health; every request gets one response. Send one every third of the TTL; one request
   * and half-close is allowed. The stream ends UNAUTHENTICATED when its token expires.
   * Errors: NOT_FOUND INSTANCE_UNKNOWN (register again); PERMISSION_DENIED LEASE_NOT_YOURS, NAME_TAKEN.
   */
  heartbeat(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_HeartbeatRequest, _mcp2_HeartbeatResponse__Output>;
  heartbeat(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_HeartbeatRequest, _mcp2_HeartbeatResponse__Output>;
  
  /**
   * The endpoints that can do what the filter asks and that the caller may see. One filter entry without the right
   * `registry:lookup:<F>` (or a capability that contains it) fails the whole call with PERMISSION_DENIED
   * CAPABILITY_DENIED; records that the caller may not see are absent without a word.
   * Errors: INVALID_ARGUMENT FILTER_INVALID, TAG_INVALID, NAME_INVALID, PAGE_TOKEN_INVALID, ARGUMENT_INVALID; UNAVAILABLE
   * REVISION_NOT_REACHED, and STORE_UNAVAILABLE until the registry has read its store once.
   * Answers from memory: an unreachable store shows as `stale`, not as an error.
   */
  Lookup(argument: _mcp2_LookupRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  Lookup(argument: _mcp2_LookupRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  Lookup(argument: _mcp2_LookupRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  Lookup(argument: _mcp2_LookupRequest, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The endpoints that can do what the filter asks and that the caller may see. One filter entry without the right
   * `registry:lookup:<F>` (or a capability that contains it) fails the whole call with PERMISSION_DENIED
   * CAPABILITY_DENIED; records that the caller may not see are absent without a word.
   * Errors: INVALID_ARGUMENT FILTER_INVALID, TAG_INVALID, NAME_INVALID, PAGE_TOKEN_INVALID, ARGUMENT_INVALID; UNAVAILABLE
   * REVISION_NOT_REACHED, and STORE_UNAVAILABLE until the registry has read its store once.
   * Answers from memory: an unreachable store shows as `stale`, not as an error.
   */
  lookup(argument: _mcp2_LookupRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  lookup(argument: _mcp2_LookupRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  lookup(argument: _mcp2_LookupRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  lookup(argument: _mcp2_LookupRequest, callback: grpc.requestCallback<_mcp2_LookupResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Registers one instance of a server, or renews what this instance registered before. The first owner keeps the name.
   * Needs RegistryServer in the token's `aud`, `registry:register:<server_name>`, and `registry:provide:<C>` for each
   * declared capability C. The registration lives for the lease's TTL unless Heartbeat, or the same Register again, renews
   * it. `registry:takeover:<server_name>` moves a name that another subject registered; never one of the operator.
   * Errors: PERMISSION_DENIED AUDIENCE_MISMATCH, CAPABILITY_DENIED, NAME_TAKEN (names the owner), NAME_RESERVED,
   * LEASE_NOT_YOURS; INVALID_ARGUMENT NAME_INVALID, TAG_INVALID, ENDPOINT_INVALID, ENDPOINT_REFUSED, ARGUMENT_INVALID;
   * NOT_FOUND INSTANCE_UNKNOWN; RESOURCE_EXHAUSTED LIMIT_EXCEEDED; UNAVAILABLE STORE_UNAVAILABLE.
   */
  Register(argument: _mcp2_RegisterRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  Register(argument: _mcp2_RegisterRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  Register(argument: _mcp2_RegisterRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  Register(argument: _mcp2_RegisterRequest, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Registers one instance of a server, or renews what this instance registered before. The first owner keeps the name.
   * Needs RegistryServer in the token's `aud`, `registry:register:<server_name>`, and `registry:provide:<C>` for each
   * declared capability C. The registration lives for the lease's TTL unless Heartbeat, or the same Register again, renews
   * it. `registry:takeover:<server_name>` moves a name that another subject registered; never one of the operator.
   * Errors: PERMISSION_DENIED AUDIENCE_MISMATCH, CAPABILITY_DENIED, NAME_TAKEN (names the owner), NAME_RESERVED,
   * LEASE_NOT_YOURS; INVALID_ARGUMENT NAME_INVALID, TAG_INVALID, ENDPOINT_INVALID, ENDPOINT_REFUSED, ARGUMENT_INVALID;
   * NOT_FOUND INSTANCE_UNKNOWN; RESOURCE_EXHAUSTED LIMIT_EXCEEDED; UNAVAILABLE STORE_UNAVAILABLE.
   */
  register(argument: _mcp2_RegisterRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  register(argument: _mcp2_RegisterRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  register(argument: _mcp2_RegisterRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  register(argument: _mcp2_RegisterRequest, callback: grpc.requestCallback<_mcp2_RegisterResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The endpoints a Lookup would return, then every change: PUTs of the present state, a BOOKMARK, then PUT and DELETE
   * as they happen and a BOOKMARK at least every 10 s. Losing the right to see a record is a DELETE.
   * Errors: OUT_OF_RANGE when from_revision was compacted (start again from 0); UNAUTHENTICATED when the token expires.
   */
  Watch(argument: _mcp2_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_WatchEvent__Output>;
  Watch(argument: _mcp2_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_WatchEvent__Output>;
  /**
   * The endpoints a Lookup would return, then every change: PUTs of the present state, a BOOKMARK, then PUT and DELETE
   * as they happen and a BOOKMARK at least every 10 s. Losing the right to see a record is a DELETE.
   * Errors: OUT_OF_RANGE when from_revision was compacted (start again from 0); UNAUTHENTICATED when the token expires.
   */
  watch(argument: _mcp2_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_WatchEvent__Output>;
  watch(argument: _mcp2_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_WatchEvent__Output>;
  
}

/**
 * Answered by the registry (audience RegistryServer).
 */
export interface DiscoveryHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Takes an instance away. Idempotent: an instance that is already gone is a success.
   * Errors: PERMISSION_DENIED LEASE_NOT_YOURS; UNAVAILABLE STORE_UNAVAILABLE.
   */
  Deregister: grpc.handleUnaryCall<_mcp2_DeregisterRequest__Output, _mcp2_DeregisterResponse>;
  
  /**
   * The signed card of a registered server.
   * Errors: NOT_FOUND for a server that does not exist or that the caller may not see.
   */
  GetCard: grpc.handleUnaryCall<_mcp2_GetCardRequest__Output, _mcp2_GetCardResponse>;
  
  /**
   * Keeps leases alive and reports health; every request gets one response. Send one every third of the TTL; one request
   * and half-close is allowed. The stream ends UNAUTHENTICATED when its token expires.
   * Errors: NOT_FOUND INSTANCE_UNKNOWN (register again); PERMISSION_DENIED LEASE_NOT_YOURS, NAME_TAKEN.
   */
  Heartbeat: grpc.handleBidiStreamingCall<_mcp2_HeartbeatRequest__Output, _mcp2_HeartbeatResponse>;
  
  /**
   * The endpoints that can do what the filter asks and that the caller may see. One filter entry without the right
   * `registry:lookup:<F>` (or a capability that contains it) fails the whole call with PERMISSION_DENIED
   * CAPABILITY_DENIED; records that the caller may not see are absent without a word.
   * Errors: INVALID_ARGUMENT FILTER_INVALID, TAG_INVALID, NAME_INVALID, PAGE_TOKEN_INVALID, ARGUMENT_INVALID; UNAVAILABLE
   * REVISION_NOT_REACHED, and STORE_UNAVAILABLE until the registry has read its store once.
   * Answers from memory: an unreachable store shows as `stale`, not as an error.
   */
  Lookup: grpc.handleUnaryCall<_mcp2_LookupRequest__Output, _mcp2_LookupResponse>;
  
  /**
   * Registers one instance of a server, or renews what this instance registered before. The first owner keeps the name.
   * Needs RegistryServer in the token's `aud`, `registry:register:<server_name>`, and `registry:provide:<C>` for each
   * declared capability C. The registration lives for the lease's TTL unless Heartbeat, or the same Register again, renews
   * it. `registry:takeover:<server_name>` moves a name that another subject registered; never one of the operator.
   * Errors: PERMISSION_DENIED AUDIENCE_MISMATCH, CAPABILITY_DENIED, NAME_TAKEN (names the owner), NAME_RESERVED,
   * LEASE_NOT_YOURS; INVALID_ARGUMENT NAME_INVALID, TAG_INVALID, ENDPOINT_INVALID, ENDPOINT_REFUSED, ARGUMENT_INVALID;
   * NOT_FOUND INSTANCE_UNKNOWN; RESOURCE_EXHAUSTED LIMIT_EXCEEDED; UNAVAILABLE STORE_UNAVAILABLE.
   */
  Register: grpc.handleUnaryCall<_mcp2_RegisterRequest__Output, _mcp2_RegisterResponse>;
  
  /**
   * The endpoints a Lookup would return, then every change: PUTs of the present state, a BOOKMARK, then PUT and DELETE
   * as they happen and a BOOKMARK at least every 10 s. Losing the right to see a record is a DELETE.
   * Errors: OUT_OF_RANGE when from_revision was compacted (start again from 0); UNAUTHENTICATED when the token expires.
   */
  Watch: grpc.handleServerStreamingCall<_mcp2_WatchRequest__Output, _mcp2_WatchEvent>;
  
}

export interface DiscoveryDefinition extends grpc.ServiceDefinition {
  Deregister: MethodDefinition<_mcp2_DeregisterRequest, _mcp2_DeregisterResponse, _mcp2_DeregisterRequest__Output, _mcp2_DeregisterResponse__Output>
  GetCard: MethodDefinition<_mcp2_GetCardRequest, _mcp2_GetCardResponse, _mcp2_GetCardRequest__Output, _mcp2_GetCardResponse__Output>
  Heartbeat: MethodDefinition<_mcp2_HeartbeatRequest, _mcp2_HeartbeatResponse, _mcp2_HeartbeatRequest__Output, _mcp2_HeartbeatResponse__Output>
  Lookup: MethodDefinition<_mcp2_LookupRequest, _mcp2_LookupResponse, _mcp2_LookupRequest__Output, _mcp2_LookupResponse__Output>
  Register: MethodDefinition<_mcp2_RegisterRequest, _mcp2_RegisterResponse, _mcp2_RegisterRequest__Output, _mcp2_RegisterResponse__Output>
  Watch: MethodDefinition<_mcp2_WatchRequest, _mcp2_WatchEvent, _mcp2_WatchRequest__Output, _mcp2_WatchEvent__Output>
}
