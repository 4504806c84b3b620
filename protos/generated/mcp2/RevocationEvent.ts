// Original file: protos/mcp2/token_service.proto

import type { RevocationKind as _mcp2_RevocationKind, RevocationKind__Output as _mcp2_RevocationKind__Output } from '../mcp2/RevocationKind.ts';
import type { Long } from '@grpc/proto-loader';

export interface RevocationEvent {
  'kind'?: (_mcp2_RevocationKind);
  'key_hash'?: (Buffer | Uint8Array | string);
  /**
   * Seconds since the Unix epoch; tokens issued before are ended. Zero: all.
   */
  'not_before'?: (number | string | Long);
  /**
   * Seconds since the Unix epoch after which the entry may be forgotten, since no such token can still be valid.
   */
  'expires_at'?: (number | string | Long);
  'revision'?: (number | string | Long);
}

export interface RevocationEvent__Output {
  'kind': (_mcp2_RevocationKind__Output);
  'key_hash': (Buffer);
  /**
   * Seconds since the Unix epoch; tokens issued before are ended. Zero: all.
   */
  'not_before': (number);
  /**
   * Seconds since the Unix epoch after which the entry may be forgotten, since no such token can still be valid.
   */
  'expires_at': (number);
  'revision': (number);
}
