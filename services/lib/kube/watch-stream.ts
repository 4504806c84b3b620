/**
 * A watch's body as events: one JSON document a line.
 *
 * Anything that is not a whole, sound line ends the watch with an error instead of being skipped: the reflector
 * goes on from the last event it kept, so a torn line is sent again and nothing is lost.
 */
import { StringDecoder } from 'node:string_decoder';
import { errorFromStatus, KubeApiError } from './api-error.ts';
import type { KubeObject } from './object.ts';

export interface WatchEvent<T> {
  /** A BOOKMARK's object carries nothing but metadata.resourceVersion. */
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** One event holds one object, at most 1.5 MiB in etcd; escaping can make it a few times longer. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/** @throws KubeApiError for an ERROR event (with its code), a torn, malformed or endless line. */
export async function* readWatchEvents<T extends KubeObject>(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent<T>> {
  for await (const line of readLines(body)) yield parseEvent<T>(line);
}

async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of body) {
    const lines = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      pieces.push(line);
      const whole = pieces.join('');
      pieces = [];
      length = 0;
      if (whole !== '') yield whole;
    }
    pieces.push(rest);
    length += rest.length;
    if (length > MAX_LINE_CHARACTERS) throw invalid('a line of the watch is too long');
  }
  if (length > 0) throw invalid('the watch ended inside a line');
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  let event: { type?: unknown; object?: unknown };
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw invalid('a line of the watch is no JSON', error);
  }
  const { type, object } = event ?? {};
  if (type === 'ERROR') throw errorFromStatus(0, object);
  const isKnown = type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK';
  if (!isKnown || !hasVersion(object)) throw invalid('a line of the watch is no event');
  return { type, object: object as unknown as T };
}

function hasVersion(object: unknown): object is KubeObject {
  const metadata = (object as { metadata?: { resourceVersion?: unknown } } | null | undefined)?.metadata;
  return typeof metadata?.resourceVersion === 'string' && metadata.resourceVersion !== '';
}

function invalid(message: string, cause?: unknown): KubeApiError {
  return new KubeApiError({ code: 0, reason: 'InvalidResponse', message, cause });
}
