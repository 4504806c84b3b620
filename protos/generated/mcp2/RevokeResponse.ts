// Original file: protos/mcp2/token_service.proto

import type { Long } from '@grpc/proto-loader';

export interface RevokeResponse {
  /**
   * A feed that has reached this revision knows of the revocation.
   */
  'revision'?: (number | string | Long);
}

export interface RevokeResponse__Output {
  /**
   * A feed that has reached this revision knows of the revocation.
   */
  'revision': (number);
}
