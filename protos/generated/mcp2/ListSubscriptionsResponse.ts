// Original file: protos/mcp2/event_bus.proto

import type { SubscriptionInfo as _mcp2_SubscriptionInfo, SubscriptionInfo__Output as _mcp2_SubscriptionInfo__Output } from '../mcp2/SubscriptionInfo.ts';

export interface ListSubscriptionsResponse {
  /**
   * Sorted by name.
   */
  'subscriptions'?: (_mcp2_SubscriptionInfo)[];
}

export interface ListSubscriptionsResponse__Output {
  /**
   * Sorted by name.
   */
  'subscriptions': (_mcp2_SubscriptionInfo__Output)[];
}
