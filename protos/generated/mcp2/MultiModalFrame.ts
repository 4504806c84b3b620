// Original file: protos/mcp2/context_tool.proto

import type { TextChunk as _mcp2_TextChunk, TextChunk__Output as _mcp2_TextChunk__Output } from '../mcp2/TextChunk.ts';
import type { ImageFrame as _mcp2_ImageFrame, ImageFrame__Output as _mcp2_ImageFrame__Output } from '../mcp2/ImageFrame.ts';
import type { AudioFrame as _mcp2_AudioFrame, AudioFrame__Output as _mcp2_AudioFrame__Output } from '../mcp2/AudioFrame.ts';
import type { BinaryBlob as _mcp2_BinaryBlob, BinaryBlob__Output as _mcp2_BinaryBlob__Output } from '../mcp2/BinaryBlob.ts';
import type { StreamOpen as _mcp2_StreamOpen, StreamOpen__Output as _mcp2_StreamOpen__Output } from '../mcp2/StreamOpen.ts';
import type { StreamEnd as _mcp2_StreamEnd, StreamEnd__Output as _mcp2_StreamEnd__Output } from '../mcp2/StreamEnd.ts';

export interface MultiModalFrame {
  'text'?: (_mcp2_TextChunk | null);
  'image'?: (_mcp2_ImageFrame | null);
  'audio'?: (_mcp2_AudioFrame | null);
  'blob'?: (_mcp2_BinaryBlob | null);
  /**
   * First frame of the caller, and only there.
   */
  'open'?: (_mcp2_StreamOpen | null);
  /**
   * Last frame of either side.
   */
  'end'?: (_mcp2_StreamEnd | null);
  'data'?: "text"|"image"|"audio"|"blob"|"open"|"end";
}

export interface MultiModalFrame__Output {
  'text'?: (_mcp2_TextChunk__Output | null);
  'image'?: (_mcp2_ImageFrame__Output | null);
  'audio'?: (_mcp2_AudioFrame__Output | null);
  'blob'?: (_mcp2_BinaryBlob__Output | null);
  /**
   * First frame of the caller, and only there.
   */
  'open'?: (_mcp2_StreamOpen__Output | null);
  /**
   * Last frame of either side.
   */
  'end'?: (_mcp2_StreamEnd__Output | null);
  'data'?: "text"|"image"|"audio"|"blob"|"open"|"end";
}
