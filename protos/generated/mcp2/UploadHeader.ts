// Original file: protos/mcp2/context_tool.proto

import type { Long } from '@grpc/proto-loader';

export interface UploadHeader {
  /**
   * As ContextRequest.context_key.
   */
  'context_key'?: (string);
  'content_type'?: (string);
  /**
   * Size of the whole. Required.
   */
  'total_bytes'?: (number | string | Long);
  /**
   * SHA-256 of the whole. Empty: not checked.
   */
  'sha256'?: (Buffer | Uint8Array | string);
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token'?: (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  /**
   * A second upload with the same id gets the first one's result. At most 128 bytes. Empty: every upload writes.
   */
  'upload_id'?: (string);
  /**
   * Write only while the value has this etag. Empty: not checked.
   */
  'if_match'?: (string);
  /**
   * As ContextRequest.parameters.
   */
  'parameters'?: ({[key: string]: Buffer | Uint8Array | string});
}

export interface UploadHeader__Output {
  /**
   * As ContextRequest.context_key.
   */
  'context_key': (string);
  'content_type': (string);
  /**
   * Size of the whole. Required.
   */
  'total_bytes': (number);
  /**
   * SHA-256 of the whole. Empty: not checked.
   */
  'sha256': (Buffer);
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token': (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  /**
   * A second upload with the same id gets the first one's result. At most 128 bytes. Empty: every upload writes.
   */
  'upload_id': (string);
  /**
   * Write only while the value has this etag. Empty: not checked.
   */
  'if_match': (string);
  /**
   * As ContextRequest.parameters.
   */
  'parameters': ({[key: string]: Buffer});
}
