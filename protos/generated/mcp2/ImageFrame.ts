// Original file: protos/mcp2/context_tool.proto

import type { Long } from '@grpc/proto-loader';

export interface ImageFrame {
  /**
   * The image; JPEG unless mime_type says otherwise.
   */
  'jpeg_data'?: (Buffer | Uint8Array | string);
  /**
   * Pixels.
   */
  'width'?: (number);
  /**
   * Pixels.
   */
  'height'?: (number);
  'sequence'?: (number);
  /**
   * Empty: image/jpeg.
   */
  'mime_type'?: (string);
  /**
   * When the image was taken, in milliseconds since the Unix epoch. Zero: not stated.
   */
  'timestamp_ms'?: (number | string | Long);
}

export interface ImageFrame__Output {
  /**
   * The image; JPEG unless mime_type says otherwise.
   */
  'jpeg_data': (Buffer);
  /**
   * Pixels.
   */
  'width': (number);
  /**
   * Pixels.
   */
  'height': (number);
  'sequence': (number);
  /**
   * Empty: image/jpeg.
   */
  'mime_type': (string);
  /**
   * When the image was taken, in milliseconds since the Unix epoch. Zero: not stated.
   */
  'timestamp_ms': (number);
}
