// Original file: protos/mcp2/context_tool.proto


export interface BinaryBlob {
  'data'?: (Buffer | Uint8Array | string);
  'mime_type'?: (string);
  'sequence'?: (number);
  /**
   * The blob that these parts make up is complete.
   */
  'last'?: (boolean);
  /**
   * SHA-256 of the whole blob, with the last part. Empty: not checked.
   */
  'sha256'?: (Buffer | Uint8Array | string);
}

export interface BinaryBlob__Output {
  'data': (Buffer);
  'mime_type': (string);
  'sequence': (number);
  /**
   * The blob that these parts make up is complete.
   */
  'last': (boolean);
  /**
   * SHA-256 of the whole blob, with the last part. Empty: not checked.
   */
  'sha256': (Buffer);
}
