// Original file: protos/mcp2/token_service.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRevocationsRequest {
  /**
   * JWT of the caller.
   */
  'credential'?: (string);
  /**
   * Resume after this revision. Zero: begin with all that is in force.
   */
  'from_revision'?: (number | string | Long);
}

export interface WatchRevocationsRequest__Output {
  /**
   * JWT of the caller.
   */
  'credential': (string);
  /**
   * Resume after this revision. Zero: begin with all that is in force.
   */
  'from_revision': (number);
}
