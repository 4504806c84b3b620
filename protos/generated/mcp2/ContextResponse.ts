// Original file: protos/mcp2/context_tool.proto

import type { CacheScope as _mcp2_CacheScope, CacheScope__Output as _mcp2_CacheScope__Output } from '../mcp2/CacheScope.ts';
import type { ResultStatus as _mcp2_ResultStatus, ResultStatus__Output as _mcp2_ResultStatus__Output } from '../mcp2/ResultStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface ContextResponse {
  /**
   * At most 4 MiB.
   */
  'serialized_value'?: (Buffer | Uint8Array | string);
  /**
   * "name:value" lines, for example "timestamp:2025-06-01T08:00:00Z".
   */
  'metadata'?: (string)[];
  /**
   * Media type of serialized_value. Empty: not stated.
   */
  'content_type'?: (string);
  /**
   * Version of the value. Empty: the server keeps none.
   */
  'etag'?: (string);
  /**
   * How long the answer may be reused, in milliseconds. Zero: do not cache.
   */
  'cache_ttl_ms'?: (number | string | Long);
  'cache_scope'?: (_mcp2_CacheScope);
  /**
   * SHA-256 of the JSON Schema (RFC 8785 form) that the value satisfies. Empty: none declared.
   */
  'schema_hash'?: (Buffer | Uint8Array | string);
  'status'?: (_mcp2_ResultStatus);
  /**
   * What the server wants to know before it answers, by name; JSON. Only with RESULT_STATUS_INPUT_REQUIRED.
   */
  'input_requests'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * Send it back with the answers.
   */
  'request_state'?: (string);
}

export interface ContextResponse__Output {
  /**
   * At most 4 MiB.
   */
  'serialized_value': (Buffer);
  /**
   * "name:value" lines, for example "timestamp:2025-06-01T08:00:00Z".
   */
  'metadata': (string)[];
  /**
   * Media type of serialized_value. Empty: not stated.
   */
  'content_type': (string);
  /**
   * Version of the value. Empty: the server keeps none.
   */
  'etag': (string);
  /**
   * How long the answer may be reused, in milliseconds. Zero: do not cache.
   */
  'cache_ttl_ms': (number);
  'cache_scope': (_mcp2_CacheScope__Output);
  /**
   * SHA-256 of the JSON Schema (RFC 8785 form) that the value satisfies. Empty: none declared.
   */
  'schema_hash': (Buffer);
  'status': (_mcp2_ResultStatus__Output);
  /**
   * What the server wants to know before it answers, by name; JSON. Only with RESULT_STATUS_INPUT_REQUIRED.
   */
  'input_requests': ({[key: string]: Buffer});
  /**
   * Send it back with the answers.
   */
  'request_state': (string);
}
