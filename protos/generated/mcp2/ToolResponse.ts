// Original file: protos/mcp2/context_tool.proto


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
}
