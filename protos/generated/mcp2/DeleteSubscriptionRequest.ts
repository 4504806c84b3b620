// Original file: protos/mcp2/event_bus.proto


export interface DeleteSubscriptionRequest {
  /**
   * JWT of the subscriber.
   */
  'subscriber_token'?: (string);
  'durable_name'?: (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface DeleteSubscriptionRequest__Output {
  /**
   * JWT of the subscriber.
   */
  'subscriber_token': (string);
  'durable_name': (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
