/**
 * Several messages of a stream in one write to HTTP/2. grpc-js writes a frame a message, each with a callback to wait for,
 * which bounds a fan-out at 300,000 messages a second where this reaches 1,800,000 (docs/benchmarks.md).
 *
 * That needs the HTTP/2 stream, which grpc-js keeps to itself. Where it is not found as expected (another version, an
 * interceptor in between) the messages go out one by one through the public interface.
 */

import { Writable } from 'node:stream';
import { Metadata } from '@grpc/grpc-js';

/** Length-prefixed message: one byte of flags (0, not compressed), four of length. */
const PREFIX_BYTES = 5;

interface Http2Access {
  /** Only a stream that has sent its headers may carry data. */
  sendMetadata(metadata: Metadata): void;
  readonly stream: Writable;
}

/** @returns what drains when the reader has caught up; undefined while it keeps up. */
export function writeFrames(call: Writable, messages: readonly Buffer[]): Writable | undefined {
  const access = http2AccessOf(call);
  if (access === undefined) {
    let keepsUp = true;
    for (const message of messages) keepsUp = call.write(message) && keepsUp;
    return keepsUp ? undefined : call;
  }
  // Does nothing after the first time.
  access.sendMetadata(new Metadata());
  if (access.stream.destroyed || access.stream.writableEnded) return undefined;
  return access.stream.write(joinFrames(messages)) ? undefined : access.stream;
}

function http2AccessOf(call: Writable): Http2Access | undefined {
  // What grpc-js has written itself and not handed to HTTP/2 yet must not be overtaken.
  if (call.writableLength > 0) return undefined;
  const inner = (call as { readonly call?: Partial<Http2Access> }).call;
  if (typeof inner?.sendMetadata !== 'function' || !(inner.stream instanceof Writable)) return undefined;
  return inner as Http2Access;
}

function joinFrames(messages: readonly Buffer[]): Buffer {
  const bytes = messages.reduce((sum, message) => sum + PREFIX_BYTES + message.length, 0);
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const message of messages) {
    joined[at] = 0;
    joined.writeUInt32BE(message.length, at + 1);
    message.copy(joined, at + PREFIX_BYTES);
    at += PREFIX_BYTES + message.length;
  }
  return joined;
}
