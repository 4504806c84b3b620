/**
 * What the writer knows without asking the database: the log's figures and its topics. Changes lie in memory until the
 * transaction ends; one that fails takes them back.
 */
import { DamagedError } from '#lib/sqlite/errors.ts';
import { FORMAT } from './head.ts';
import type { LogConnection } from './log-connection.ts';
import { type MetaRow, metaChecksum, type TopicRow, topicChecksum } from './schema.ts';

/** As the columns of `topics`; changed in place. */
export interface Topic {
  readonly id: number;
  readonly name: string;
  lastSeq: number;
  lastOffset: number;
  lastAt: number;
  events: number;
  bytes: number;
  removedOffset: number;
  removedAt: number;
}

/** As the columns of `meta`; changed in place. */
export interface LogFigures {
  lastOffset: number;
  lastAt: number;
  events: number;
  bytes: number;
  nextTopic: number;
  forgotten: number;
  forgottenOffset: number;
  forgottenAt: number;
}

const META_COLUMNS =
  'format, epoch, ack_key, last_offset, last_at, events, bytes, next_topic, forgotten, forgotten_offset, forgotten_at, crc';

export class LogState {
  readonly epoch: Uint8Array;
  readonly ackKey: Uint8Array;
  readonly figures: LogFigures;
  readonly topics = new Map<string, Topic>();
  readonly topicsById = new Map<number, Topic>();
  /** Without a retained event: forgotten after the retention time. */
  readonly empty = new Set<Topic>();
  /** What was found damaged at the start. */
  readonly warnings: string[] = [];
  readonly #connection: LogConnection;
  #figuresBefore: LogFigures;
  /** Topics that this transaction has touched, as they were; undefined: it made them. */
  readonly #before = new Map<Topic, Topic | undefined>();
  readonly #forgotten: Topic[] = [];

  /** @throws DamagedError */
  constructor(connection: LogConnection) {
    this.#connection = connection;
    const row = connection.get<MetaRow>(`SELECT ${META_COLUMNS} FROM meta WHERE id = 1`);
    if (row === undefined) throw new DamagedError('the row of its state is missing');
    if (row.crc !== metaChecksum(row)) throw new DamagedError('the row of its state is not as it was written');
    this.epoch = row.epoch;
    this.ackKey = row.ack_key;
    this.figures = {
      lastOffset: row.last_offset,
      lastAt: row.last_at,
      events: row.events,
      bytes: row.bytes,
      nextTopic: row.next_topic,
      forgotten: row.forgotten,
      forgottenOffset: row.forgotten_offset,
      forgottenAt: row.forgotten_at,
    };
    this.#figuresBefore = { ...this.figures };
    this.#loadTopics();
  }

  /** Undefined: the log does not know it. */
  topic(name: string): Topic | undefined {
    return this.topics.get(name);
  }

  createTopic(name: string): Topic {
    const { figures } = this;
    const topic: Topic = {
      id: figures.nextTopic,
      name,
      // A forgotten one of this name had lower numbers: a sequence is never above the offset of its event.
      lastSeq: figures.forgotten > 0 ? figures.lastOffset : 0,
      lastOffset: 0,
      lastAt: 0,
      events: 0,
      bytes: 0,
      removedOffset: 0,
      removedAt: 0,
    };
    figures.nextTopic += 1;
    this.#before.set(topic, undefined);
    this.#add(topic);
    return topic;
  }

  /** Topics that this transaction has changed so far. */
  touched(): Iterable<Topic> {
    return this.#before.keys();
  }

  /** Before a topic is changed. */
  touch(topic: Topic): void {
    if (!this.#before.has(topic)) this.#before.set(topic, { ...topic });
  }

  /** One that has no event any more. */
  forget(topic: Topic): void {
    this.touch(topic);
    const { figures } = this;
    figures.forgotten += 1;
    figures.forgottenOffset = Math.max(figures.forgottenOffset, topic.lastOffset);
    figures.forgottenAt = Math.max(figures.forgottenAt, topic.lastAt);
    this.#remove(topic);
    this.#forgotten.push(topic);
  }

  /** Writes what has changed, as the last part of a transaction. */
  save(): void {
    for (const topic of this.#forgotten) this.#connection.run('DELETE FROM topics WHERE id = ?', topic.id);
    for (const [topic, before] of this.#before) {
      if (this.topicsById.get(topic.id) === topic) this.#saveTopic(topic, before === undefined);
    }
    this.#saveFigures();
  }

  /** The transaction is on the disk. */
  commit(): void {
    this.#before.clear();
    this.#forgotten.length = 0;
    this.#figuresBefore = { ...this.figures };
  }

  /** Nothing of the transaction was applied. */
  rollback(): void {
    Object.assign(this.figures, this.#figuresBefore);
    for (const [topic, before] of this.#before) {
      if (before === undefined) {
        this.#remove(topic);
      } else {
        Object.assign(topic, before);
        this.#add(topic);
      }
    }
    this.#before.clear();
    this.#forgotten.length = 0;
  }

  #add(topic: Topic): void {
    this.topics.set(topic.name, topic);
    this.topicsById.set(topic.id, topic);
    if (topic.events === 0) this.empty.add(topic);
    else this.empty.delete(topic);
  }

  #remove(topic: Topic): void {
    this.topics.delete(topic.name);
    this.topicsById.delete(topic.id);
    this.empty.delete(topic);
  }

  #loadTopics(): void {
    const rows = this.#connection.statement('SELECT * FROM topics').iterate();
    for (const row of rows as Iterable<unknown> as Iterable<TopicRow>) {
      const topic: Topic = {
        id: row.id,
        name: row.name,
        lastSeq: row.last_seq,
        lastOffset: row.last_offset,
        lastAt: row.last_at,
        events: row.events,
        bytes: row.bytes,
        removedOffset: row.removed_offset,
        removedAt: row.removed_at,
      };
      if (row.crc !== topicChecksum(row)) this.#mend(topic);
      this.#add(topic);
    }
  }

  /** No number is used twice if the next one is above the log's last offset; the events say what else was in the row. */
  #mend(topic: Topic): void {
    this.warnings.push(`the row of the topic with the number ${topic.id} is not as it was written`);
    const { n, bytes } = this.#connection.get<{ n: number; bytes: number }>(
      'SELECT count(*) AS n, coalesce(sum(bytes), 0) AS bytes FROM events WHERE topic = ?',
      topic.id,
    ) ?? { n: 0, bytes: 0 };
    const { lastOffset, lastAt } = this.figures;
    Object.assign(topic, { lastSeq: lastOffset, lastOffset, lastAt, events: n, bytes, removedOffset: lastOffset });
    topic.removedAt = lastAt;
    this.touch(topic);
  }

  #saveTopic(topic: Topic, isNew: boolean): void {
    const { id, name, lastSeq, lastOffset, lastAt, events, bytes, removedOffset, removedAt } = topic;
    const crc = topicChecksum({
      id,
      name,
      last_seq: lastSeq,
      last_offset: lastOffset,
      last_at: lastAt,
      events,
      bytes,
      removed_offset: removedOffset,
      removed_at: removedAt,
    });
    const values = [lastSeq, lastOffset, lastAt, events, bytes, removedOffset, removedAt, crc, id];
    if (isNew) {
      this.#connection.run(
        'INSERT INTO topics (last_seq, last_offset, last_at, events, bytes, removed_offset, removed_at, crc, id, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
        ...values,
        name,
      );
    } else {
      this.#connection.run(
        'UPDATE topics SET last_seq = ?, last_offset = ?, last_at = ?, events = ?, bytes = ?, removed_offset = ?, removed_at = ?, crc = ? WHERE id = ?',
        ...values,
      );
    }
  }

  #saveFigures(): void {
    const { lastOffset, lastAt, events, bytes, nextTopic, forgotten, forgottenOffset, forgottenAt } = this.figures;
    const crc = metaChecksum({
      format: FORMAT,
      epoch: this.epoch,
      ack_key: this.ackKey,
      last_offset: lastOffset,
      last_at: lastAt,
      events,
      bytes,
      next_topic: nextTopic,
      forgotten,
      forgotten_offset: forgottenOffset,
      forgotten_at: forgottenAt,
    });
    this.#connection.run(
      'UPDATE meta SET last_offset = ?, last_at = ?, events = ?, bytes = ?, next_topic = ?, forgotten = ?, forgotten_offset = ?, forgotten_at = ?, crc = ? WHERE id = 1',
      ...[lastOffset, lastAt, events, bytes, nextTopic, forgotten, forgottenOffset, forgottenAt, crc],
    );
  }
}

/** The first row of `meta`, in a new log or one that begins a new epoch. */
export function createMeta(connection: LogConnection, epoch: Uint8Array, ackKey: Uint8Array): void {
  const row = {
    format: FORMAT,
    epoch,
    ack_key: ackKey,
    last_offset: 0,
    last_at: 0,
    events: 0,
    bytes: 0,
    next_topic: 1,
    forgotten: 0,
    forgotten_offset: 0,
    forgotten_at: 0,
  };
  connection.run(
    `INSERT INTO meta (id, ${META_COLUMNS}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...Object.values(row),
    metaChecksum(row),
  );
}
