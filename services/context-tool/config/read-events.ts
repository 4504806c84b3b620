/** Tables whose rows become events: their statements, and the topics that rows may name. */
import { compilePattern, isTopicFilter, ONE } from '#lib/capability/pattern.ts';
import { quoted } from '#lib/printable.ts';
import type { Segments } from '#lib/schema/schema.ts';
import { isSqlProblem, readSqlText, type SqlProblem, type SqlText } from '../database/sql-text.ts';
import { limited } from './limits.ts';
import { milliseconds } from './quantities.ts';
import { engineProblems, findDatabase, placeInText } from './read-statement.ts';
import type { Reading } from './reading.ts';
import type { DatabaseConfig, OutboxConfig, StatementConfig } from './runtime-config.ts';

/** As the format has it. */
export interface RawOutbox {
  readonly database: string;
  readonly topics: readonly string[];
  readonly every?: string;
  readonly take: string;
  readonly done: string;
  readonly failed?: string;
}

/** What a statement of an outbox may refer to. */
export interface OutboxNames {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

export const TAKE_NAMES: OutboxNames = { required: ['limit'], optional: [] };
export const DONE_NAMES: OutboxNames = { required: ['id'], optional: [] };
export const FAILED_NAMES: OutboxNames = { required: [], optional: ['id', 'reason'] };

const HOUR_MS = 3_600_000;

/** Where the statement stands, what it may name, and what reads it. */
interface Written extends OutboxNames {
  readonly at: Segments;
  readonly sql: string;
  readonly name: string;
  readonly database: DatabaseConfig | undefined;
}

/** @returns undefined after a problem was added */
export function readOutbox(reading: Reading, index: number, raw: RawOutbox): OutboxConfig | undefined {
  const { document } = reading;
  const at = ['events', index];
  const database = findDatabase(reading, at, raw.database);
  for (const [i, topic] of raw.topics.entries()) {
    const problem = topicProblem(topic);
    if (problem !== undefined) document.add([...at, 'topics', i], problem);
  }
  const every = milliseconds(raw.every ?? '1s');
  const everyMs = limited(reading, [...at, 'every'], every, [50, HOUR_MS, '50ms to 1h']);
  const statement = (member: 'take' | 'done' | 'failed', sql: string, names: OutboxNames): StatementConfig =>
    readText(reading, { at: [...at, member], sql, name: raw.database, database, ...names });
  return {
    database: raw.database,
    topics: raw.topics,
    everyMs,
    take: statement('take', raw.take, TAKE_NAMES),
    done: statement('done', raw.done, DONE_NAMES),
    failed: raw.failed === undefined ? undefined : statement('failed', raw.failed, FAILED_NAMES),
    place: document.place(at),
  };
}

function readText(reading: Reading, written: Written): StatementConfig {
  const { at, sql, name, database } = written;
  const place = reading.document.textPlace(at);
  const text = readSqlText(sql);
  const problems = isSqlProblem(text) ? [text] : [...nameProblems(text, written), ...engineProblems(text, database)];
  for (const problem of problems) reading.document.addPlaced(placeInText(place, problem), problem.message);
  return { database: name, sql, place, result: 'Rows' };
}

function nameProblems(text: SqlText, { at, required, optional }: Written): readonly SqlProblem[] {
  const start = { line: 1, column: 1 };
  const known = [...required, ...optional];
  const shown = known.map((name) => `:${name}`).join(' and ');
  const foreign = text.names.filter((name) => !known.includes(name));
  const missing = required.filter((name) => !text.names.includes(name));
  return [
    ...foreign.map((name) => ({
      ...(text.places.get(name) ?? start),
      message: `":${name}" has no value here; "${at.at(-1)}" may use ${shown}`,
    })),
    ...missing.map((name) => ({ ...start, message: `uses :${name} nowhere; "${at.at(-1)}" needs it` })),
  ];
}

/** One that begins with "*" would let rows name topics of everybody, and no topic that begins with "_" is a caller's. */
function topicProblem(topic: string): string | undefined {
  const pattern = compilePattern(topic);
  if (pattern === undefined || !isTopicFilter(pattern) || compilePattern(`event:publish:${topic}`) === undefined) {
    return `${quoted(topic)} is no pattern of topics; write up to 12 segments joined by ":", with "*" for any one, at the end for one or more`;
  }
  const [first = ONE] = pattern.atoms;
  if (first === ONE) return 'begins with "*", which is every topic of everybody; write the first segment';
  return first.startsWith('_')
    ? 'begins with "_", and such topics belong to the event bus; write another one'
    : undefined;
}
