// Original file: protos/mcp2/discovery.proto

import type { EndpointDescriptor as _mcp2_EndpointDescriptor, EndpointDescriptor__Output as _mcp2_EndpointDescriptor__Output } from '../mcp2/EndpointDescriptor.ts';
import type { Long } from '@grpc/proto-loader';

export interface LookupResponse {
  /**
   * Within a page: same zone first, then same region, then by observed latency, then at random by weight.
   */
  'endpoints'?: (_mcp2_EndpointDescriptor)[];
  /**
   * Empty: this was the last page.
   */
  'next_page_token'?: (string);
  /**
   * Registry revision that the answer was read at; never goes back on one replica.
   */
  'revision'?: (number | string | Long);
  /**
   * The registry could not confirm with the store for 15 s or more that this is current. The endpoints are the last known.
   */
  'stale'?: (boolean);
  /**
   * How long the answer may be reused, in milliseconds. Zero: do not cache.
   */
  'cache_ttl_ms'?: (number | string | Long);
  /**
   * Names of visible servers that match but have no SERVING endpoint. Each takes a place on the page.
   */
  'not_serving'?: (string)[];
}

export interface LookupResponse__Output {
  /**
   * Within a page: same zone first, then same region, then by observed latency, then at random by weight.
   */
  'endpoints': (_mcp2_EndpointDescriptor__Output)[];
  /**
   * Empty: this was the last page.
   */
  'next_page_token': (string);
  /**
   * Registry revision that the answer was read at; never goes back on one replica.
   */
  'revision': (number);
  /**
   * The registry could not confirm with the store for 15 s or more that this is current. The endpoints are the last known.
   */
  'stale': (boolean);
  /**
   * How long the answer may be reused, in milliseconds. Zero: do not cache.
   */
  'cache_ttl_ms': (number);
  /**
   * Names of visible servers that match but have no SERVING endpoint. Each takes a place on the page.
   */
  'not_serving': (string)[];
}
