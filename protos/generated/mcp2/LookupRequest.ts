// Original file: protos/mcp2/discovery.proto

import type { FilterMode as _mcp2_FilterMode, FilterMode__Output as _mcp2_FilterMode__Output } from '../mcp2/FilterMode.ts';
import type { Long } from '@grpc/proto-loader';

export interface LookupRequest {
  /**
   * JWT of the caller; its `aud` also narrows the answer to the servers that it names.
   */
  'requester_token'?: (string);
  /**
   * Capability patterns, at most 64, of those at most 8 with `*`. A concrete entry finds servers whose registered pattern
   * contains it; one with `*` finds those whose pattern overlaps it. Empty finds nothing.
   */
  'capability_filter'?: (string)[];
  /**
   * Tags that must be equal, all of them. At most 32.
   */
  'tag_selector'?: ({[key: string]: string});
  /**
   * Endpoints a page, at most 100. Zero: 100.
   */
  'page_size'?: (number);
  /**
   * next_page_token of the page before, with the same filter; every page is authorized afresh.
   */
  'page_token'?: (string);
  'mode'?: (_mcp2_FilterMode);
  /**
   * Range in npm's syntax, for example "^1.4", at most 64 characters. Empty: any version.
   */
  'version_constraint'?: (string);
  /**
   * The caller's zone: endpoints of the same zone come first.
   */
  'client_zone'?: (string);
  /**
   * Wait up to 2 s until the registry has seen this revision, else UNAVAILABLE REVISION_NOT_REACHED. Zero: no wait.
   */
  'min_revision'?: (number | string | Long);
  /**
   * Also return endpoints that are not SERVING, after those that are.
   */
  'include_unhealthy'?: (boolean);
  /**
   * Only this server. Empty: any.
   */
  'server_name'?: (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface LookupRequest__Output {
  /**
   * JWT of the caller; its `aud` also narrows the answer to the servers that it names.
   */
  'requester_token': (string);
  /**
   * Capability patterns, at most 64, of those at most 8 with `*`. A concrete entry finds servers whose registered pattern
   * contains it; one with `*` finds those whose pattern overlaps it. Empty finds nothing.
   */
  'capability_filter': (string)[];
  /**
   * Tags that must be equal, all of them. At most 32.
   */
  'tag_selector': ({[key: string]: string});
  /**
   * Endpoints a page, at most 100. Zero: 100.
   */
  'page_size': (number);
  /**
   * next_page_token of the page before, with the same filter; every page is authorized afresh.
   */
  'page_token': (string);
  'mode': (_mcp2_FilterMode__Output);
  /**
   * Range in npm's syntax, for example "^1.4", at most 64 characters. Empty: any version.
   */
  'version_constraint': (string);
  /**
   * The caller's zone: endpoints of the same zone come first.
   */
  'client_zone': (string);
  /**
   * Wait up to 2 s until the registry has seen this revision, else UNAVAILABLE REVISION_NOT_REACHED. Zero: no wait.
   */
  'min_revision': (number);
  /**
   * Also return endpoints that are not SERVING, after those that are.
   */
  'include_unhealthy': (boolean);
  /**
   * Only this server. Empty: any.
   */
  'server_name': (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
