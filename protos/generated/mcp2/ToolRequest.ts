// Original file: protos/mcp2/context_tool.proto

import type { ArgumentEncoding as _mcp2_ArgumentEncoding, ArgumentEncoding__Output as _mcp2_ArgumentEncoding__Output } from '../mcp2/ArgumentEncoding.ts';

export interface ToolRequest {
  /**
   * [A-Za-z0-9_.-]{1,128}, for example "enhance_image".
   */
  'tool_name'?: (string);
  /**
   * As ContextRequest.parameters.
   */
  'arguments'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token'?: (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  /**
   * A second call with the same key and arguments gets the first one's answer and runs nothing. At most 128 bytes. Empty:
   * every call runs.
   */
  'idempotency_key'?: (string);
  /**
   * Call only while the tool's schema still has this SHA-256, else FAILED_PRECONDITION. Empty: not checked.
   */
  'schema_hash'?: (Buffer | Uint8Array | string);
  /**
   * Answers to ToolResponse.input_requests, by their names; JSON.
   */
  'input_responses'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * As ToolResponse.request_state said it. Opaque.
   */
  'request_state'?: (string);
  /**
   * What the caller can be asked for, as JSON.
   */
  'client_capabilities_json'?: (Buffer | Uint8Array | string);
  /**
   * Tells `{}` from no arguments at all. Arguments that are there count without it.
   */
  'has_arguments'?: (boolean);
  /**
   * All arguments as one JSON object, for names that `arguments` does not allow. Not beside `arguments`; a grant with
   * `params` never permits a call with it.
   */
  'arguments_json'?: (Buffer | Uint8Array | string);
  /**
   * How the bytes of an argument are meant where its schema leaves that open. Absent: RAW.
   */
  'argument_encoding'?: ({[key: string]: _mcp2_ArgumentEncoding});
  /**
   * Least severe log line wanted: debug, info, notice, warning, error, critical, alert or emergency. Empty: none.
   */
  'log_level'?: (string);
  'want_progress'?: (boolean);
}

export interface ToolRequest__Output {
  /**
   * [A-Za-z0-9_.-]{1,128}, for example "enhance_image".
   */
  'tool_name': (string);
  /**
   * As ContextRequest.parameters.
   */
  'arguments': ({[key: string]: Buffer});
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token': (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  /**
   * A second call with the same key and arguments gets the first one's answer and runs nothing. At most 128 bytes. Empty:
   * every call runs.
   */
  'idempotency_key': (string);
  /**
   * Call only while the tool's schema still has this SHA-256, else FAILED_PRECONDITION. Empty: not checked.
   */
  'schema_hash': (Buffer);
  /**
   * Answers to ToolResponse.input_requests, by their names; JSON.
   */
  'input_responses': ({[key: string]: Buffer});
  /**
   * As ToolResponse.request_state said it. Opaque.
   */
  'request_state': (string);
  /**
   * What the caller can be asked for, as JSON.
   */
  'client_capabilities_json': (Buffer);
  /**
   * Tells `{}` from no arguments at all. Arguments that are there count without it.
   */
  'has_arguments': (boolean);
  /**
   * All arguments as one JSON object, for names that `arguments` does not allow. Not beside `arguments`; a grant with
   * `params` never permits a call with it.
   */
  'arguments_json': (Buffer);
  /**
   * How the bytes of an argument are meant where its schema leaves that open. Absent: RAW.
   */
  'argument_encoding': ({[key: string]: _mcp2_ArgumentEncoding__Output});
  /**
   * Least severe log line wanted: debug, info, notice, warning, error, critical, alert or emergency. Empty: none.
   */
  'log_level': (string);
  'want_progress': (boolean);
}
