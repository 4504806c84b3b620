// Original file: protos/mcp2/event_bus.proto

import type { EventPublishResponse as _mcp2_EventPublishResponse, EventPublishResponse__Output as _mcp2_EventPublishResponse__Output } from '../mcp2/EventPublishResponse.ts';
import type { Status as _google_rpc_Status, Status__Output as _google_rpc_Status__Output } from '../google/rpc/Status.ts';
import type { Long } from '@grpc/proto-loader';

export interface EventPublishAck {
  /**
   * Which request of the stream this answers, from 0.
   */
  'index'?: (number | string | Long);
  'response'?: (_mcp2_EventPublishResponse | null);
  /**
   * As the status of a Publish would be, with google.rpc.ErrorInfo among its details.
   */
  'error'?: (_google_rpc_Status | null);
  'result'?: "response"|"error";
}

export interface EventPublishAck__Output {
  /**
   * Which request of the stream this answers, from 0.
   */
  'index': (number);
  'response'?: (_mcp2_EventPublishResponse__Output | null);
  /**
   * As the status of a Publish would be, with google.rpc.ErrorInfo among its details.
   */
  'error'?: (_google_rpc_Status__Output | null);
  'result'?: "response"|"error";
}
