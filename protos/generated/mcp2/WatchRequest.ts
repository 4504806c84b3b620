// Original file: protos/mcp2/discovery.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRequest {
  /**
   * JWT of the caller; the rights are those of Lookup.
   */
  'requester_token'?: (string);
  /**
   * As LookupRequest.capability_filter.
   */
  'capability_filter'?: (string)[];
  /**
   * As LookupRequest.tag_selector.
   */
  'tag_selector'?: ({[key: string]: string});
  /**
   * Resume after this revision. Zero: begin with the present state.
   */
  'from_revision'?: (number | string | Long);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface WatchRequest__Output {
  /**
   * JWT of the caller; the rights are those of Lookup.
   */
  'requester_token': (string);
  /**
   * As LookupRequest.capability_filter.
   */
  'capability_filter': (string)[];
  /**
   * As LookupRequest.tag_selector.
   */
  'tag_selector': ({[key: string]: string});
  /**
   * Resume after this revision. Zero: begin with the present state.
   */
  'from_revision': (number);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
