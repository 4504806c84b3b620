// Original file: protos/mcp2/discovery.proto


export interface DeregisterRequest {
  'server_name'?: (string);
  'instance_id'?: (string);
  /**
   * JWT of the subject that registered.
   */
  'registration_token'?: (string);
  /**
   * Secret from RegisterResponse.
   */
  'lease_token'?: (Buffer | Uint8Array | string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface DeregisterRequest__Output {
  'server_name': (string);
  'instance_id': (string);
  /**
   * JWT of the subject that registered.
   */
  'registration_token': (string);
  /**
   * Secret from RegisterResponse.
   */
  'lease_token': (Buffer);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
