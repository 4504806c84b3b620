/** Appends of one transaction: which number each gets, or why it is none. */
import { hash } from 'node:crypto';
import type { DedupIndex } from './dedup-index.ts';
import type { SentError } from './errors.ts';
import { logFull } from './errors.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogState, Topic } from './log-state.ts';
import { APPENDED, RESULT_NUMBERS } from './messages.ts';
import { NUMBER, NUMBERS, type PackedAppends, TEXT, TEXTS } from './packed-appends.ts';
import { eventChecksum, ROW_OVERHEAD_BYTES } from './schema.ts';

export interface AppendParts {
  readonly connection: LogConnection;
  readonly state: LogState;
  readonly dedup: DedupIndex;
  readonly maxTopics: number;
  readonly dedupWindowMs: number;
}

export interface AppendContext {
  readonly nowMs: number;
  /** For the dedup window: a time that no change of the machine's clock moves. */
  readonly dedupNowMs: number;
  readonly isFull: boolean;
}

interface DedupRow {
  readonly seq: number;
  readonly hash: Uint8Array;
  readonly payload_hash: Uint8Array;
  readonly until: number;
}

/** One to be appended, taken out of its pack. */
interface Incoming {
  readonly topic: string;
  readonly contentType: string;
  readonly attributes: string;
  readonly eventId: string;
  readonly publisher: string;
  readonly publisherKey: string;
  readonly payload: Uint8Array;
  readonly expected: number;
  readonly duplicateOnly: boolean;
  readonly knownTopicOnly: boolean;
}

/** Where an append's numbers go. */
interface ResultPlace {
  readonly results: Float64Array;
  readonly at: number;
}

interface EventId {
  readonly hash: Buffer;
  readonly payloadHash: Buffer;
}

/** Of a SHA-256: 128 bits are enough for ids of one publisher. */
const HASH_BYTES = 16;
const SCRATCH_BYTES = 64 * 1024;

const INSERT_EVENT =
  'INSERT INTO events (offset, topic, seq, prev, at, bytes, publisher, event_id, content_type, attributes, payload, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

export class Appender {
  readonly #parts: AppendParts;
  /** Where what is hashed is put together: an allocation less for each event. */
  readonly #scratch = Buffer.alloc(SCRATCH_BYTES);
  /** Ids that this transaction has added to the index. */
  #added: { readonly hash: Buffer; readonly offset: number }[] = [];

  /** Nothing is to be forgotten before; 0: not known. Asked with every commit, and mostly for nothing. */
  #oldestUntil = 0;

  constructor(parts: AppendParts) {
    this.#parts = parts;
  }

  /** @param first Place of the pack's first append among the results. */
  append(
    pack: PackedAppends,
    context: AppendContext,
    { results, errors, first }: { results: Float64Array; errors: [number, SentError][]; first: number },
  ): void {
    let at = 0;
    for (let i = 0; i < pack.count; i++) {
      const length = pack.numbers[i * NUMBERS + NUMBER.payloadBytes] as number;
      const incoming = unpack(pack, i, pack.payloads.subarray(at, at + length));
      at += length;
      const place = first + i;
      const error = this.#appendOne(incoming, context, { results, at: place * RESULT_NUMBERS });
      if (error === undefined) continue;
      results[place * RESULT_NUMBERS] = APPENDED.refused;
      errors.push([place, error]);
    }
  }

  commit(): void {
    this.#added = [];
  }

  rollback(): void {
    for (const { hash: added, offset } of this.#added) this.#parts.dedup.delete(added, offset);
    this.#added = [];
  }

  /** Forgets ids whose window has passed. @returns whether there may be more of them. */
  expireIds(dedupNowMs: number, limit: number): boolean {
    if (this.#oldestUntil > dedupNowMs) return false;
    const { connection, dedup } = this.#parts;
    const rows = connection.all<{ offset: number; hash: Uint8Array; until: number }>(
      'SELECT offset, hash, until FROM dedup ORDER BY offset LIMIT ?',
      limit,
    );
    const expired = rows.findIndex(({ until }) => until > dedupNowMs);
    const gone = expired < 0 ? rows : rows.slice(0, expired);
    this.#oldestUntil = rows[expired]?.until ?? 0;
    const last = gone.at(-1);
    if (last === undefined) return false;
    connection.run('DELETE FROM dedup WHERE offset <= ?', last.offset);
    // A failed transaction leaves rows that the index does not find: as if the window had been shorter for these, past its end.
    for (const { offset, hash: old } of gone) if (isHash(old)) dedup.delete(old, offset);
    return gone.length === rows.length;
  }

  /** @returns why it was refused */
  #appendOne(incoming: Incoming, context: AppendContext, result: ResultPlace): SentError | undefined {
    const { state, maxTopics } = this.#parts;
    const id = incoming.eventId === '' ? undefined : idOf(incoming, this.#scratch);
    if (id !== undefined) {
      const known = this.#findId(id, context.dedupNowMs);
      if (known !== undefined) {
        if (!id.payloadHash.equals(known.row.payload_hash)) return eventIdReused();
        result.results.set([APPENDED.duplicate, known.offset, known.row.seq], result.at);
        return undefined;
      }
    }
    if (incoming.duplicateOnly) {
      result.results[result.at] = APPENDED.nothing;
      return undefined;
    }
    const found = state.topic(incoming.topic);
    if (found === undefined && incoming.knownTopicOnly) {
      result.results[result.at] = APPENDED.nothing;
      return undefined;
    }
    const lastSeq = found?.lastSeq ?? 0;
    if (incoming.expected >= 0 && incoming.expected !== lastSeq) return sequenceMismatch(incoming, lastSeq);
    if (context.isFull) return logFull();
    if (found === undefined && state.topics.size >= maxTopics) return tooManyTopics(maxTopics);
    this.#insert(incoming, found ?? state.createTopic(incoming.topic), context, id, result);
    result.results[result.at] = found === undefined ? APPENDED.newTopic : APPENDED.known;
    return undefined;
  }

  #insert(
    incoming: Incoming,
    topic: Topic,
    { nowMs, dedupNowMs }: AppendContext,
    id: EventId | undefined,
    { results, at: first }: ResultPlace,
  ): void {
    const { connection, state, dedup, dedupWindowMs } = this.#parts;
    const { figures } = state;
    const { publisher, eventId, contentType, attributes, payload } = incoming;
    const at = Math.max(nowMs, figures.lastAt);
    const bytes = bytesOf(incoming);
    const row = {
      offset: figures.lastOffset + 1,
      seq: topic.lastSeq + 1,
      prev: topic.events > 0 ? topic.lastSeq : 0,
      at,
      bytes,
      publisher,
      event_id: eventId,
      content_type: contentType,
      attributes,
      payload,
    };
    const { offset, seq, prev } = row;
    const crc = eventChecksum(row, topic.name);
    connection
      .statement(INSERT_EVENT)
      .run(offset, topic.id, seq, prev, at, bytes, publisher, eventId, contentType, attributes, payload, crc);
    if (id !== undefined) {
      connection
        .statement('INSERT INTO dedup (offset, seq, hash, payload_hash, until) VALUES (?, ?, ?, ?, ?)')
        .run(offset, seq, id.hash, id.payloadHash, dedupNowMs + dedupWindowMs);
      dedup.set(id.hash, offset);
      this.#added.push({ hash: id.hash, offset });
    }
    state.touch(topic);
    state.empty.delete(topic);
    topic.lastSeq = seq;
    topic.lastOffset = offset;
    topic.lastAt = at;
    topic.events += 1;
    topic.bytes += bytes;
    figures.lastOffset = offset;
    figures.lastAt = at;
    figures.events += 1;
    figures.bytes += bytes;
    results[first + 1] = offset;
    results[first + 2] = seq;
    results[first + 3] = prev;
    results[first + 4] = at;
  }

  #findId({ hash: wanted }: EventId, dedupNowMs: number): { row: DedupRow; offset: number } | undefined {
    const offset = this.#parts.dedup.find(wanted);
    if (offset === undefined) return undefined;
    const row = this.#parts.connection.get<DedupRow>(
      'SELECT seq, hash, payload_hash, until FROM dedup WHERE offset = ?',
      offset,
    );
    if (row === undefined || row.until <= dedupNowMs) return undefined;
    if (!isHash(row.hash) || !isHash(row.payload_hash) || !wanted.equals(row.hash)) return undefined;
    return { row, offset };
  }
}

export interface LoadedIds {
  /** Until when the youngest counts; 0 when there is none. */
  readonly last: number;
  /** Rows that hold none any more. */
  readonly damaged: number;
}

/** Fills the index from the database. */
export function loadIds(connection: LogConnection, dedup: DedupIndex): LoadedIds {
  let last = 0;
  let damaged = 0;
  const rows = connection.statement('SELECT offset, hash, until FROM dedup ORDER BY offset').iterate();
  for (const { offset, hash: known, until } of rows as Iterable<Record<string, unknown>>) {
    if (isHash(known) && typeof until === 'number') {
      dedup.set(known, Number(offset));
      last = Math.max(last, until);
    } else damaged += 1;
  }
  return { last, damaged };
}

/** As it was written: damage can put anything into a column. */
function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === HASH_BYTES;
}

function unpack({ texts, numbers }: PackedAppends, i: number, payload: Uint8Array): Incoming {
  const first = i * TEXTS;
  return {
    topic: texts[first + TEXT.topic] as string,
    contentType: texts[first + TEXT.contentType] as string,
    attributes: texts[first + TEXT.attributes] as string,
    eventId: texts[first + TEXT.eventId] as string,
    publisher: texts[first + TEXT.publisher] as string,
    publisherKey: texts[first + TEXT.publisherKey] as string,
    payload,
    expected: numbers[i * NUMBERS + NUMBER.expectedLastSequence] as number,
    duplicateOnly: numbers[i * NUMBERS + NUMBER.duplicateOnly] === 1,
    knownTopicOnly: numbers[i * NUMBERS + NUMBER.knownTopicOnly] === 1,
  };
}

function idOf({ publisherKey, topic, eventId, payload, contentType, attributes }: Incoming, scratch: Buffer): EventId {
  const digest = hash('sha256', `${publisherKey}\0${topic}\0${eventId}`, 'buffer').subarray(0, HASH_BYTES);
  const text = `${contentType}\0${attributes}\0`;
  // UTF-8 has at most 3 bytes for each unit of a string.
  if (text.length * 3 + payload.length > scratch.length) {
    const content = Buffer.concat([Buffer.from(text), payload]);
    return { hash: digest, payloadHash: hash('sha256', content, 'buffer').subarray(0, HASH_BYTES) };
  }
  const length = scratch.write(text);
  scratch.set(payload, length);
  const content = scratch.subarray(0, length + payload.length);
  return { hash: digest, payloadHash: hash('sha256', content, 'buffer').subarray(0, HASH_BYTES) };
}

function bytesOf({ topic, publisher, eventId, contentType, attributes, payload }: Incoming): number {
  // Topics are ASCII.
  const texts = topic.length + lengthOf(publisher) + lengthOf(eventId) + lengthOf(contentType) + lengthOf(attributes);
  return ROW_OVERHEAD_BYTES + payload.length + texts;
}

function lengthOf(text: string): number {
  return text === '' ? 0 : Buffer.byteLength(text);
}

function eventIdReused(): SentError {
  return {
    reason: 'EVENT_ID_REUSED',
    message:
      'event_id was used for another event on this topic a short while ago: the same id needs the same payload, content_type and attributes, another event needs an id of its own',
  };
}

function sequenceMismatch({ topic, expected }: Incoming, lastSeq: number): SentError {
  return {
    reason: 'SEQUENCE_MISMATCH',
    message: `expected_last_sequence is ${expected}, but the last sequence of ${topic} is ${lastSeq}: read what was published in between, then try again`,
    metadata: { last_sequence: String(lastSeq) },
  };
}

function tooManyTopics(maxTopics: number): SentError {
  return {
    reason: 'QUOTA_EXCEEDED',
    message: `the log has ${maxTopics} topics, as many as it may: publish on one of them, or raise MCP2_EVENT_BUS_MAX_TOPICS`,
  };
}
