/** The program of `bare-commits.ts`. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SCHEMA } from '../../../services/event-bus/log/embedded/schema.ts';
import { answerQuestions } from '../../harness/event-load/load-process.ts';
import { summarize } from './acknowledged.ts';
import type { BareCommitsConfig, CommitFigures } from './bare-commits.ts';

const DEDUP_MS = 120_000;
const CHECKPOINT_PAGES = 2_000;

class BareLoop {
  readonly #database: DatabaseSync;
  readonly #config: BareCommitsConfig;
  readonly #payload: Uint8Array;
  readonly #statements: ReturnType<typeof prepare>;
  #offset = 0;

  constructor(config: BareCommitsConfig) {
    this.#config = config;
    this.#payload = new Uint8Array(config.payloadBytes).fill(7);
    this.#database = new DatabaseSync(join(config.folder, 'bare.db'));
    this.#database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    this.#database.exec(
      `PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -32768; PRAGMA mmap_size = 0`,
    );
    for (const sql of SCHEMA) this.#database.exec(sql);
    const empty = new Uint8Array(8);
    this.#database.prepare('INSERT INTO meta VALUES (1, 1, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0)').run(empty, empty);
    const topic = this.#database.prepare('INSERT INTO topics VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0, 0)');
    for (let id = 0; id < config.topics; id++) topic.run(id, `bench:bare:t${id}`);
    this.#statements = prepare(this.#database);
  }

  run(seconds: number): CommitFigures {
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    const tookMs: number[] = [];
    for (let nowMs = startedMs; nowMs < startedMs + seconds * 1000; ) {
      this.#commit();
      const doneMs = performance.now();
      for (let row = 0; row < this.#config.rowsEach; row++) tookMs.push(doneMs - nowMs);
      nowMs = doneMs;
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    return { ...summarize(tookMs, performance.now() - startedMs), cpuMicroseconds: user + system };
  }

  #commit(): void {
    const { rowsEach, topics } = this.#config;
    const at = Date.now();
    this.#database.exec('BEGIN IMMEDIATE');
    for (let row = 0; row < rowsEach; row++) {
      const offset = ++this.#offset;
      const id = `bench/${offset}`;
      this.#statements.event.run(
        offset,
        offset % topics,
        offset,
        offset - 1,
        at,
        200,
        'bench.agent',
        id,
        '',
        '{}',
        this.#payload,
        0,
      );
      const digest = hash('sha256', id, 'buffer').subarray(0, 16);
      this.#statements.dedup.run(offset, offset, digest, digest, at + DEDUP_MS);
    }
    for (let id = 0; id < Math.min(topics, rowsEach); id++) {
      this.#statements.topic.run(this.#offset, this.#offset, at, this.#offset, this.#offset, 0, 0, 0, id);
    }
    this.#statements.meta.run(this.#offset, at, this.#offset, this.#offset, topics, 0, 0, 0, 0);
    this.#database.exec('COMMIT');
  }
}

/** As the log's writer has them. */
function prepare(database: DatabaseSync) {
  return {
    event: database.prepare(
      'INSERT INTO events (offset, topic, seq, prev, at, bytes, publisher, event_id, content_type, attributes, payload, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    dedup: database.prepare('INSERT INTO dedup (offset, seq, hash, payload_hash, until) VALUES (?, ?, ?, ?, ?)'),
    topic: database.prepare(
      'UPDATE topics SET last_seq = ?, last_offset = ?, last_at = ?, events = ?, bytes = ?, removed_offset = ?, removed_at = ?, crc = ? WHERE id = ?',
    ),
    meta: database.prepare(
      'UPDATE meta SET last_offset = ?, last_at = ?, events = ?, bytes = ?, next_topic = ?, forgotten = ?, forgotten_offset = ?, forgotten_at = ?, crc = ? WHERE id = 1',
    ),
  };
}

if (import.meta.main) {
  const loop = new BareLoop(JSON.parse(process.argv[2] ?? '{}') as BareCommitsConfig);
  answerQuestions({ run: (seconds: number) => loop.run(seconds) });
}
