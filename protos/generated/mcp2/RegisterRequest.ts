// Original file: protos/mcp2/discovery.proto

import type { SignedCard as _mcp2_SignedCard, SignedCard__Output as _mcp2_SignedCard__Output } from '../mcp2/SignedCard.ts';
import type { Acl as _mcp2_Acl, Acl__Output as _mcp2_Acl__Output } from '../mcp2/Acl.ts';

export interface RegisterRequest {
  /**
   * [A-Za-z][A-Za-z0-9_.-]{0,62}, unique under ASCII case folding, for example "InventoryDB_Primary".
   */
  'server_name'?: (string);
  /**
   * Capability patterns that this server offers, for example "db:inventory:read". At most 64.
   */
  'capabilities'?: (string)[];
  /**
   * JWT that proves identity and rights. Metadata `registration_token` is accepted instead.
   */
  'registration_token'?: (string);
  /**
   * "host:port" or "dns:///host:port". Empty: metadata `grpc-url`. Both and different: INVALID_ARGUMENT
   * ENDPOINT_INVALID. Link-local, unspecified, multicast and cloud metadata addresses are refused (ENDPOINT_REFUSED).
   */
  'grpc_url'?: (string);
  /**
   * At most 32. Key [a-z0-9./-]{1,63}, value printable ASCII of at most 128 bytes. `topology.kubernetes.io/zone` and
   * `topology.kubernetes.io/region` order Lookup.
   */
  'tags'?: ({[key: string]: string});
  'card'?: (_mcp2_SignedCard | null);
  /**
   * Wanted lease in seconds, 10..300. Zero: 30.
   */
  'ttl_seconds'?: (number);
  /**
   * Renew this instance, together with lease_token. Empty: a new instance, named by the registry.
   */
  'instance_id'?: (string);
  /**
   * Secret from RegisterResponse; needed with instance_id unless the token is bound to the instance's key.
   */
  'lease_token'?: (Buffer | Uint8Array | string);
  /**
   * Share of calls relative to other instances, 1..10000. Zero: 100.
   */
  'weight'?: (number);
  'acl'?: (_mcp2_Acl | null);
  /**
   * Semantic version of the server, for LookupRequest.version_constraint. At most 64 characters.
   */
  'version'?: (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  /**
   * Public key (JWK, no private members) that this instance proves its calls with. Refused (ARGUMENT_INVALID) while servers
   * cannot be bound to a key.
   */
  'public_jwk'?: (string);
}

export interface RegisterRequest__Output {
  /**
   * [A-Za-z][A-Za-z0-9_.-]{0,62}, unique under ASCII case folding, for example "InventoryDB_Primary".
   */
  'server_name': (string);
  /**
   * Capability patterns that this server offers, for example "db:inventory:read". At most 64.
   */
  'capabilities': (string)[];
  /**
   * JWT that proves identity and rights. Metadata `registration_token` is accepted instead.
   */
  'registration_token': (string);
  /**
   * "host:port" or "dns:///host:port". Empty: metadata `grpc-url`. Both and different: INVALID_ARGUMENT
   * ENDPOINT_INVALID. Link-local, unspecified, multicast and cloud metadata addresses are refused (ENDPOINT_REFUSED).
   */
  'grpc_url': (string);
  /**
   * At most 32. Key [a-z0-9./-]{1,63}, value printable ASCII of at most 128 bytes. `topology.kubernetes.io/zone` and
   * `topology.kubernetes.io/region` order Lookup.
   */
  'tags': ({[key: string]: string});
  'card': (_mcp2_SignedCard__Output | null);
  /**
   * Wanted lease in seconds, 10..300. Zero: 30.
   */
  'ttl_seconds': (number);
  /**
   * Renew this instance, together with lease_token. Empty: a new instance, named by the registry.
   */
  'instance_id': (string);
  /**
   * Secret from RegisterResponse; needed with instance_id unless the token is bound to the instance's key.
   */
  'lease_token': (Buffer);
  /**
   * Share of calls relative to other instances, 1..10000. Zero: 100.
   */
  'weight': (number);
  'acl': (_mcp2_Acl__Output | null);
  /**
   * Semantic version of the server, for LookupRequest.version_constraint. At most 64 characters.
   */
  'version': (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  /**
   * Public key (JWK, no private members) that this instance proves its calls with. Refused (ARGUMENT_INVALID) while servers
   * cannot be bound to a key.
   */
  'public_jwk': (string);
}
