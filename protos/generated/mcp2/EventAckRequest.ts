// Original file: protos/mcp2/event_bus.proto


export interface EventAckRequest {
  /**
   * JWT of the subscriber.
   */
  'subscriber_token'?: (string);
  'durable_name'?: (string);
  /**
   * Done. The three lists hold at most 1024 ids together.
   */
  'ack_ids'?: (string)[];
  /**
   * Deliver again, after nack_delay_ms.
   */
  'nack_ids'?: (string)[];
  /**
   * Zero: at once.
   */
  'nack_delay_ms'?: (number);
  /**
   * Never deliver again; set aside.
   */
  'term_ids'?: (string)[];
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface EventAckRequest__Output {
  /**
   * JWT of the subscriber.
   */
  'subscriber_token': (string);
  'durable_name': (string);
  /**
   * Done. The three lists hold at most 1024 ids together.
   */
  'ack_ids': (string)[];
  /**
   * Deliver again, after nack_delay_ms.
   */
  'nack_ids': (string)[];
  /**
   * Zero: at once.
   */
  'nack_delay_ms': (number);
  /**
   * Never deliver again; set aside.
   */
  'term_ids': (string)[];
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
