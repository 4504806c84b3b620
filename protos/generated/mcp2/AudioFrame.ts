// Original file: protos/mcp2/context_tool.proto

import type { Long } from '@grpc/proto-loader';

export interface AudioFrame {
  /**
   * Samples; 16-bit little-endian PCM unless codec says otherwise.
   */
  'pcm_data'?: (Buffer | Uint8Array | string);
  /**
   * When the first sample was taken, in milliseconds since the Unix epoch.
   */
  'timestamp_ms'?: (number | string | Long);
  'sequence'?: (number);
  /**
   * Zero: not stated.
   */
  'sample_rate_hz'?: (number);
  /**
   * Zero: 1.
   */
  'channels'?: (number);
  /**
   * Empty: PCM.
   */
  'codec'?: (string);
}

export interface AudioFrame__Output {
  /**
   * Samples; 16-bit little-endian PCM unless codec says otherwise.
   */
  'pcm_data': (Buffer);
  /**
   * When the first sample was taken, in milliseconds since the Unix epoch.
   */
  'timestamp_ms': (number);
  'sequence': (number);
  /**
   * Zero: not stated.
   */
  'sample_rate_hz': (number);
  /**
   * Zero: 1.
   */
  'channels': (number);
  /**
   * Empty: PCM.
   */
  'codec': (string);
}
