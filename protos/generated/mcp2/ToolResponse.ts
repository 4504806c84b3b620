// Original file: protos/mcp2/context_tool.proto

import type { Content as _mcp2_Content, Content__Output as _mcp2_Content__Output } from '../mcp2/Content.ts';
import type { ResultStatus as _mcp2_ResultStatus, ResultStatus__Output as _mcp2_ResultStatus__Output } from '../mcp2/ResultStatus.ts';

export interface ToolResponse {
  /**
   * False: the tool ran and failed; see error_code.
   */
  'success'?: (boolean);
  /**
   * Named results, for example {"enhanced_image": <JPEG bytes>}; 4 MiB together.
   */
  'outputs'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * For people; do not parse.
   */
  'warnings'?: (string)[];
  /**
   * Stable code of the tool's failure. Empty on success.
   */
  'error_code'?: (string);
  /**
   * Names this run in logs and audit records.
   */
  'invocation_id'?: (string);
  /**
   * Signed statement of what ran for whom (JWS). Empty: the server signs none.
   */
  'receipt'?: (string);
  /**
   * SHA-256 of the schema that the call was checked against. Empty: none declared.
   */
  'schema_hash'?: (Buffer | Uint8Array | string);
  /**
   * What the tool has to show, in order; 4 MiB together with outputs.
   */
  'content'?: (_mcp2_Content)[];
  /**
   * The result as one JSON value, where it is no object. Empty: outputs has it.
   */
  'structured_json'?: (Buffer | Uint8Array | string);
  'status'?: (_mcp2_ResultStatus);
  /**
   * What the tool wants to know before it goes on, by name; JSON. Only with RESULT_STATUS_INPUT_REQUIRED.
   */
  'input_requests'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * Send it back with the answers.
   */
  'request_state'?: (string);
  /**
   * Facts beside the result, as a JSON object; never about authority.
   */
  'meta_json'?: (Buffer | Uint8Array | string);
}

export interface ToolResponse__Output {
  /**
   * False: the tool ran and failed; see error_code.
   */
  'success': (boolean);
  /**
   * Named results, for example {"enhanced_image": <JPEG bytes>}; 4 MiB together.
   */
  'outputs': ({[key: string]: Buffer});
  /**
   * For people; do not parse.
   */
  'warnings': (string)[];
  /**
   * Stable code of the tool's failure. Empty on success.
   */
  'error_code': (string);
  /**
   * Names this run in logs and audit records.
   */
  'invocation_id': (string);
  /**
   * Signed statement of what ran for whom (JWS). Empty: the server signs none.
   */
  'receipt': (string);
  /**
   * SHA-256 of the schema that the call was checked against. Empty: none declared.
   */
  'schema_hash': (Buffer);
  /**
   * What the tool has to show, in order; 4 MiB together with outputs.
   */
  'content': (_mcp2_Content__Output)[];
  /**
   * The result as one JSON value, where it is no object. Empty: outputs has it.
   */
  'structured_json': (Buffer);
  'status': (_mcp2_ResultStatus__Output);
  /**
   * What the tool wants to know before it goes on, by name; JSON. Only with RESULT_STATUS_INPUT_REQUIRED.
   */
  'input_requests': ({[key: string]: Buffer});
  /**
   * Send it back with the answers.
   */
  'request_state': (string);
  /**
   * Facts beside the result, as a JSON object; never about authority.
   */
  'meta_json': (Buffer);
}
