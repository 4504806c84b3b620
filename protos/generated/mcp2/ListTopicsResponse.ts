// Original file: protos/mcp2/event_bus.proto

import type { TopicInfo as _mcp2_TopicInfo, TopicInfo__Output as _mcp2_TopicInfo__Output } from '../mcp2/TopicInfo.ts';

export interface ListTopicsResponse {
  /**
   * Sorted by topic.
   */
  'topics'?: (_mcp2_TopicInfo)[];
  /**
   * Empty: this was the last page.
   */
  'next_page_token'?: (string);
}

export interface ListTopicsResponse__Output {
  /**
   * Sorted by topic.
   */
  'topics': (_mcp2_TopicInfo__Output)[];
  /**
   * Empty: this was the last page.
   */
  'next_page_token': (string);
}
