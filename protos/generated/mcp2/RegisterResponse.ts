// Original file: protos/mcp2/discovery.proto

import type { Long } from '@grpc/proto-loader';

export interface RegisterResponse {
  /**
   * Always true: a refusal is a status.
   */
  'success'?: (boolean);
  /**
   * For people; do not parse.
   */
  'message'?: (string);
  /**
   * Identifies the lease in logs. Text: a store's lease id has 63 bits, more than a JavaScript number holds.
   */
  'lease_id'?: (string);
  /**
   * The lease granted, in seconds; renew by Heartbeat every third of it.
   */
  'ttl_seconds'?: (number);
  'instance_id'?: (string);
  /**
   * Registry revision of the write; pass it as LookupRequest.min_revision to read your own write.
   */
  'revision'?: (number | string | Long);
  /**
   * Secret that Heartbeat, Deregister and a renewing Register must present. Only its hash is kept.
   */
  'lease_token'?: (Buffer | Uint8Array | string);
}

export interface RegisterResponse__Output {
  /**
   * Always true: a refusal is a status.
   */
  'success': (boolean);
  /**
   * For people; do not parse.
   */
  'message': (string);
  /**
   * Identifies the lease in logs. Text: a store's lease id has 63 bits, more than a JavaScript number holds.
   */
  'lease_id': (string);
  /**
   * The lease granted, in seconds; renew by Heartbeat every third of it.
   */
  'ttl_seconds': (number);
  'instance_id': (string);
  /**
   * Registry revision of the write; pass it as LookupRequest.min_revision to read your own write.
   */
  'revision': (number);
  /**
   * Secret that Heartbeat, Deregister and a renewing Register must present. Only its hash is kept.
   */
  'lease_token': (Buffer);
}
