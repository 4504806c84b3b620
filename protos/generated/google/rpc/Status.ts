// Original file: protos/google/rpc/status.proto

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from '../../google/protobuf/Any.ts';

export interface Status {
  /**
   * A google.rpc.Code: the gRPC status code.
   */
  'code'?: (number);
  'message'?: (string);
  /**
   * An ErrorInfo, and a RetryInfo where waiting helps; type_url is "type.googleapis.com/" and the full message name.
   */
  'details'?: (_google_protobuf_Any)[];
}

export interface Status__Output {
  /**
   * A google.rpc.Code: the gRPC status code.
   */
  'code': (number);
  'message': (string);
  /**
   * An ErrorInfo, and a RetryInfo where waiting helps; type_url is "type.googleapis.com/" and the full message name.
   */
  'details': (_google_protobuf_Any__Output)[];
}
