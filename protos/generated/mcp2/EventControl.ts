// Original file: protos/mcp2/event_bus.proto

import type { ControlKind as _mcp2_ControlKind, ControlKind__Output as _mcp2_ControlKind__Output } from '../mcp2/ControlKind.ts';
import type { Long } from '@grpc/proto-loader';

export interface EventControl {
  'kind'?: (_mcp2_ControlKind);
  'cursor'?: (Buffer | Uint8Array | string);
  /**
   * Events lost, for CONTROL_KIND_GAP. Zero: unknown, at least one.
   */
  'missed'?: (number | string | Long);
}

export interface EventControl__Output {
  'kind': (_mcp2_ControlKind__Output);
  'cursor': (Buffer);
  /**
   * Events lost, for CONTROL_KIND_GAP. Zero: unknown, at least one.
   */
  'missed': (number);
}
