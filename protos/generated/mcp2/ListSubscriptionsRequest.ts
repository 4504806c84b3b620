// Original file: protos/mcp2/event_bus.proto


export interface ListSubscriptionsRequest {
  /**
   * JWT of the subscriber.
   */
  'subscriber_token'?: (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface ListSubscriptionsRequest__Output {
  /**
   * JWT of the subscriber.
   */
  'subscriber_token': (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
