// Original file: protos/mcp2/event_bus.proto

import type { Long } from '@grpc/proto-loader';

export interface SubscriptionInfo {
  'durable_name'?: (string);
  'topic_filter'?: (string);
  /**
   * Events not delivered yet.
   */
  'pending'?: (number | string | Long);
  /**
   * Events delivered and not settled, those that wait for a delayed redelivery included.
   */
  'in_flight'?: (number);
  /**
   * Events set aside, readable under `_dlq:<durable_name>`.
   */
  'parked'?: (number | string | Long);
  /**
   * A stream is open.
   */
  'active'?: (boolean);
  /**
   * In milliseconds since the Unix epoch.
   */
  'last_used_ms'?: (number | string | Long);
}

export interface SubscriptionInfo__Output {
  'durable_name': (string);
  'topic_filter': (string);
  /**
   * Events not delivered yet.
   */
  'pending': (number);
  /**
   * Events delivered and not settled, those that wait for a delayed redelivery included.
   */
  'in_flight': (number);
  /**
   * Events set aside, readable under `_dlq:<durable_name>`.
   */
  'parked': (number);
  /**
   * A stream is open.
   */
  'active': (boolean);
  /**
   * In milliseconds since the Unix epoch.
   */
  'last_used_ms': (number);
}
