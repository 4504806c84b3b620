// Original file: protos/mcp2/discovery.proto

import type { WatchKind as _mcp2_WatchKind, WatchKind__Output as _mcp2_WatchKind__Output } from '../mcp2/WatchKind.ts';
import type { EndpointDescriptor as _mcp2_EndpointDescriptor, EndpointDescriptor__Output as _mcp2_EndpointDescriptor__Output } from '../mcp2/EndpointDescriptor.ts';
import type { Long } from '@grpc/proto-loader';

export interface WatchEvent {
  'kind'?: (_mcp2_WatchKind);
  /**
   * For DELETE only server_name and instance_id are set; for BOOKMARK it is absent.
   */
  'endpoint'?: (_mcp2_EndpointDescriptor | null);
  /**
   * Pass the last one seen as WatchRequest.from_revision to resume.
   */
  'revision'?: (number | string | Long);
}

export interface WatchEvent__Output {
  'kind': (_mcp2_WatchKind__Output);
  /**
   * For DELETE only server_name and instance_id are set; for BOOKMARK it is absent.
   */
  'endpoint': (_mcp2_EndpointDescriptor__Output | null);
  /**
   * Pass the last one seen as WatchRequest.from_revision to resume.
   */
  'revision': (number);
}
