// Original file: protos/mcp2/discovery.proto

import type { Health as _mcp2_Health, Health__Output as _mcp2_Health__Output } from '../mcp2/Health.ts';

export interface HeartbeatRequest {
  'server_name'?: (string);
  'instance_id'?: (string);
  /**
   * JWT of the subject that registered; a fresh token of the same `sub` outlives the one used before.
   */
  'registration_token'?: (string);
  /**
   * Secret from RegisterResponse: the lease id alone is no authority.
   */
  'lease_token'?: (Buffer | Uint8Array | string);
  /**
   * UNKNOWN leaves the health as it is.
   */
  'health'?: (_mcp2_Health);
  /**
   * Load in thousandths of capacity, 0..1000.
   */
  'load_permille'?: (number);
  /**
   * Median latency that this instance observed when calling other servers: server name to milliseconds. At most 256.
   * What a server says about itself does not count.
   */
  'observed_latency_ms'?: ({[key: string]: number});
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface HeartbeatRequest__Output {
  'server_name': (string);
  'instance_id': (string);
  /**
   * JWT of the subject that registered; a fresh token of the same `sub` outlives the one used before.
   */
  'registration_token': (string);
  /**
   * Secret from RegisterResponse: the lease id alone is no authority.
   */
  'lease_token': (Buffer);
  /**
   * UNKNOWN leaves the health as it is.
   */
  'health': (_mcp2_Health__Output);
  /**
   * Load in thousandths of capacity, 0..1000.
   */
  'load_permille': (number);
  /**
   * Median latency that this instance observed when calling other servers: server name to milliseconds. At most 256.
   * What a server says about itself does not count.
   */
  'observed_latency_ms': ({[key: string]: number});
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
