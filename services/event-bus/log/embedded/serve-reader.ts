/** The reader's thread: answers one call after another, each from one state of the log. */
import type { MessagePort } from 'node:worker_threads';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import { findDurable, listDurables, readDeliveries, readParked } from './durable-reads.ts';
import { type LogPlace, toRefusal, toSent } from './errors.ts';
import { locate } from './locate.ts';
import { LogConnection } from './log-connection.ts';
import { LogReader } from './log-reader.ts';
import type { FromReader, ReaderCall, ReaderRequest, SentPage, SentParked, ToReader } from './messages.ts';
import { buffersOf } from './packed-events.ts';
import { readTopics } from './topic-list.ts';

export function serveReader(port: MessagePort, place: LogPlace): void {
  const reader = open(port, place);
  if (reader === undefined) {
    port.close();
    return;
  }
  port.on('message', (message: ToReader) => {
    if ('kind' in message) {
      reader.connection.close();
      port.close();
    } else {
      answer(port, message, reader, place);
    }
  });
}

function open(port: MessagePort, place: LogPlace): LogReader | undefined {
  try {
    const reader = new LogReader(LogConnection.openReader(place.database));
    port.postMessage({ kind: 'opened' } satisfies FromReader);
    return reader;
  } catch (error) {
    port.postMessage({ kind: 'refused', refusal: toRefusal(error, place) } satisfies FromReader);
    return undefined;
  }
}

function answer(port: MessagePort, { id, request }: ReaderCall, reader: LogReader, place: LogPlace): void {
  try {
    const value = reader.inSnapshot(() => answerTo(request, reader));
    port.postMessage({ kind: 'answer', id, value } satisfies FromReader, transferable(value));
  } catch (error) {
    port.postMessage({ kind: 'error', id, error: toSent(error, place) } satisfies FromReader);
  }
}

function answerTo(request: ReaderRequest, reader: LogReader): unknown {
  switch (request.kind) {
    case 'read':
      return reader.read(request, filterOf(request.filter));
    case 'last-per-topic':
      return reader.readLastPerTopic(request, filterOf(request.filter));
    case 'locate':
      return locate(reader, request, filterOf(request.filter));
    case 'topics':
      return readTopics(reader.connection, request, filterOf(request.filter));
    case 'find':
      return findDurable(reader.connection, request.key);
    case 'deliveries':
      return readDeliveries(reader.connection, request.id);
    case 'list':
      return listDurables(reader, request.owner);
    case 'parked':
      return readParked(reader.connection, request);
  }
}

export function filterOf(text: string): Pattern {
  const pattern = compilePattern(text);
  if (pattern === undefined) throw new ServiceError('FILTER_INVALID', 'the filter is not a pattern of topics');
  return pattern;
}

function transferable(value: unknown): ArrayBuffer[] {
  if (typeof value !== 'object' || value === null || !('events' in value)) return [];
  const { events } = value as SentPage | SentParked;
  return 'payloads' in events ? buffersOf(events) : [];
}
