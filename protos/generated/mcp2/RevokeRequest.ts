// Original file: protos/mcp2/token_service.proto

import type { Long } from '@grpc/proto-loader';

export interface RevokeRequest {
  /**
   * JWT of the caller.
   */
  'credential'?: (string);
  /**
   * The token to end. Empty: iss and jti, or sub, name what to end.
   */
  'token'?: (string);
  'iss'?: (string);
  'jti'?: (string);
  'sub'?: (string);
  /**
   * With sub: end tokens issued before this time, in seconds since the Unix epoch. Zero: now.
   */
  'not_before'?: (number | string | Long);
  /**
   * For the audit record, at most 256 characters.
   */
  'reason'?: (string);
}

export interface RevokeRequest__Output {
  /**
   * JWT of the caller.
   */
  'credential': (string);
  /**
   * The token to end. Empty: iss and jti, or sub, name what to end.
   */
  'token': (string);
  'iss': (string);
  'jti': (string);
  'sub': (string);
  /**
   * With sub: end tokens issued before this time, in seconds since the Unix epoch. Zero: now.
   */
  'not_before': (number);
  /**
   * For the audit record, at most 256 characters.
   */
  'reason': (string);
}
