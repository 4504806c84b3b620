// Original file: protos/mcp2/event_bus.proto


export interface ListTopicsRequest {
  /**
   * Topic pattern, as in EventSubscribeRequest.
   */
  'topic_filter'?: (string);
  /**
   * JWT of the subscriber.
   */
  'subscriber_token'?: (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  /**
   * Zero: 100. At most 1,000.
   */
  'page_size'?: (number);
  /**
   * next_page_token of the page before, with the same filter. Empty: the first page.
   */
  'page_token'?: (string);
}

export interface ListTopicsRequest__Output {
  /**
   * Topic pattern, as in EventSubscribeRequest.
   */
  'topic_filter': (string);
  /**
   * JWT of the subscriber.
   */
  'subscriber_token': (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  /**
   * Zero: 100. At most 1,000.
   */
  'page_size': (number);
  /**
   * next_page_token of the page before, with the same filter. Empty: the first page.
   */
  'page_token': (string);
}
