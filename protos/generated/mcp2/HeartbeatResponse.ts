// Original file: protos/mcp2/discovery.proto

import type { Long } from '@grpc/proto-loader';

export interface HeartbeatResponse {
  /**
   * The lease from now on, in seconds.
   */
  'ttl_seconds'?: (number);
  'revision'?: (number | string | Long);
}

export interface HeartbeatResponse__Output {
  /**
   * The lease from now on, in seconds.
   */
  'ttl_seconds': (number);
  'revision': (number);
}
