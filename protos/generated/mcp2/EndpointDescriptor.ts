// Original file: protos/mcp2/discovery.proto

import type { Health as _mcp2_Health, Health__Output as _mcp2_Health__Output } from '../mcp2/Health.ts';
import type { Transport as _mcp2_Transport, Transport__Output as _mcp2_Transport__Output } from '../mcp2/Transport.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * One reachable instance of a server.
 */
export interface EndpointDescriptor {
  'server_name'?: (string);
  /**
   * "host:port" or "dns:///host:port".
   */
  'grpc_url'?: (string);
  /**
   * The server's capabilities, cut to what the caller could have looked up.
   */
  'capabilities'?: (string)[];
  'instance_id'?: (string);
  'tags'?: ({[key: string]: string});
  'health'?: (_mcp2_Health);
  /**
   * Median that clients observed, in milliseconds. Zero: not measured.
   */
  'latency_ms'?: (number);
  /**
   * SHA-256 of the card in force. Empty: the server has none.
   */
  'card_digest'?: (Buffer | Uint8Array | string);
  'version'?: (string);
  /**
   * When the lease ends if it was renewed just now and never again, in milliseconds since the Unix epoch: look the
   * server up again by then. Zero: no lease; the operator keeps it.
   */
  'expires_at_ms'?: (number | string | Long);
  /**
   * Public key (JWK) that the instance registered with. Empty: not key-bound.
   */
  'public_jwk'?: (string);
  /**
   * Share of calls relative to other instances, 1..10000.
   */
  'weight'?: (number);
  /**
   * Registry revision of the last change of this endpoint.
   */
  'mod_revision'?: (number | string | Long);
  /**
   * Name to check in the server's certificate. Empty: the host of grpc_url.
   */
  'tls_server_name'?: (string);
  'transport'?: (_mcp2_Transport);
  /**
   * The server takes proofs of invocation. False: it does not, and a key-bound token cannot be used with it.
   */
  'proofs'?: (boolean);
  /**
   * `sub` of the token that registered the instance. Empty: the operator wrote it, or not stated.
   */
  'subject'?: (string);
}

/**
 * One reachable instance of a server.
 */
export interface EndpointDescriptor__Output {
  'server_name': (string);
  /**
   * "host:port" or "dns:///host:port".
   */
  'grpc_url': (string);
  /**
   * The server's capabilities, cut to what the caller could have looked up.
   */
  'capabilities': (string)[];
  'instance_id': (string);
  'tags': ({[key: string]: string});
  'health': (_mcp2_Health__Output);
  /**
   * Median that clients observed, in milliseconds. Zero: not measured.
   */
  'latency_ms': (number);
  /**
   * SHA-256 of the card in force. Empty: the server has none.
   */
  'card_digest': (Buffer);
  'version': (string);
  /**
   * When the lease ends if it was renewed just now and never again, in milliseconds since the Unix epoch: look the
   * server up again by then. Zero: no lease; the operator keeps it.
   */
  'expires_at_ms': (number);
  /**
   * Public key (JWK) that the instance registered with. Empty: not key-bound.
   */
  'public_jwk': (string);
  /**
   * Share of calls relative to other instances, 1..10000.
   */
  'weight': (number);
  /**
   * Registry revision of the last change of this endpoint.
   */
  'mod_revision': (number);
  /**
   * Name to check in the server's certificate. Empty: the host of grpc_url.
   */
  'tls_server_name': (string);
  'transport': (_mcp2_Transport__Output);
  /**
   * The server takes proofs of invocation. False: it does not, and a key-bound token cannot be used with it.
   */
  'proofs': (boolean);
  /**
   * `sub` of the token that registered the instance. Empty: the operator wrote it, or not stated.
   */
  'subject': (string);
}
