// Original file: protos/mcp2/context_tool.proto

import type { TextChunk as _mcp2_TextChunk, TextChunk__Output as _mcp2_TextChunk__Output } from '../mcp2/TextChunk.ts';
import type { ImageFrame as _mcp2_ImageFrame, ImageFrame__Output as _mcp2_ImageFrame__Output } from '../mcp2/ImageFrame.ts';
import type { AudioFrame as _mcp2_AudioFrame, AudioFrame__Output as _mcp2_AudioFrame__Output } from '../mcp2/AudioFrame.ts';
import type { BinaryBlob as _mcp2_BinaryBlob, BinaryBlob__Output as _mcp2_BinaryBlob__Output } from '../mcp2/BinaryBlob.ts';
import type { ContextRef as _mcp2_ContextRef, ContextRef__Output as _mcp2_ContextRef__Output } from '../mcp2/ContextRef.ts';

/**
 * One piece of what a tool shows.
 */
export interface Content {
  'text'?: (_mcp2_TextChunk | null);
  'image'?: (_mcp2_ImageFrame | null);
  'audio'?: (_mcp2_AudioFrame | null);
  'blob'?: (_mcp2_BinaryBlob | null);
  'ref'?: (_mcp2_ContextRef | null);
  /**
   * Where the piece comes from. Empty: not stated.
   */
  'uri'?: (string);
  /**
   * For whom it is and how much it matters, as a JSON object.
   */
  'annotations_json'?: (Buffer | Uint8Array | string);
  /**
   * Facts beside it, as a JSON object.
   */
  'meta_json'?: (Buffer | Uint8Array | string);
  'data'?: "text"|"image"|"audio"|"blob"|"ref";
}

/**
 * One piece of what a tool shows.
 */
export interface Content__Output {
  'text'?: (_mcp2_TextChunk__Output | null);
  'image'?: (_mcp2_ImageFrame__Output | null);
  'audio'?: (_mcp2_AudioFrame__Output | null);
  'blob'?: (_mcp2_BinaryBlob__Output | null);
  'ref'?: (_mcp2_ContextRef__Output | null);
  /**
   * Where the piece comes from. Empty: not stated.
   */
  'uri': (string);
  /**
   * For whom it is and how much it matters, as a JSON object.
   */
  'annotations_json': (Buffer);
  /**
   * Facts beside it, as a JSON object.
   */
  'meta_json': (Buffer);
  'data'?: "text"|"image"|"audio"|"blob"|"ref";
}
