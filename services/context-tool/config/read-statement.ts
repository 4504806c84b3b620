/** A statement of a context or a tool: its text, its database, and whether its placeholders are what its callers give. */

import { quoted } from '#lib/printable.ts';
import type { Segments } from '#lib/schema/schema.ts';
import { suggest } from '#lib/schema/sentences.ts';
import type { StatementNames } from '../database/database.ts';
import {
  checkNames,
  isSqlProblem,
  MAX_SQL_BYTES,
  readSqlText,
  type SqlPlace,
  type SqlProblem,
  type SqlText,
} from '../database/sql-text.ts';
import { type Reading, readContent } from './reading.ts';
import type { DatabaseConfig, Place, StatementConfig, ToolStatementConfig } from './runtime-config.ts';

/** As the format has it. */
export interface RawStatement {
  readonly database: string;
  readonly sql?: string;
  readonly sqlFile?: string;
  readonly result?: StatementConfig['result'];
  readonly isolation?: ToolStatementConfig['isolation'];
}

/** @param names Undefined where they are not known, because the schema is broken. @returns undefined after a problem */
export function readStatement(
  reading: Reading,
  segments: Segments,
  raw: RawStatement,
  names: StatementNames | undefined,
): StatementConfig | undefined {
  const text = readText(reading, segments, raw);
  const database = findDatabase(reading, segments, raw.database);
  if (text === undefined) return undefined;
  const { sql, place } = text;
  const problems = checkText(sql, names, database);
  for (const problem of problems) reading.document.addPlaced(placeInText(place, problem), problem.message);
  return { database: raw.database, sql, place, result: raw.result ?? 'Rows' };
}

/** A place inside of a text that begins at another one. */
export function placeInText(text: Place, { line, column }: SqlPlace): Place {
  return { ...text, line: text.line + line - 1, column: text.column + column - 1 };
}

interface WrittenText {
  readonly sql: string;
  readonly place: Place;
}

function readText(reading: Reading, segments: Segments, { sql, sqlFile }: RawStatement): WrittenText | undefined {
  const { document } = reading;
  if (sql !== undefined) return { sql, place: document.textPlace([...segments, 'sql']) };
  if (sqlFile === undefined) return undefined;
  const at = [...segments, 'sqlFile'];
  const content = readContent(reading, at, sqlFile, MAX_SQL_BYTES);
  if (content === undefined) return undefined;
  const { path } = document.place(at);
  return { sql: content.toString('utf8'), place: { file: reading.shown(sqlFile), line: 1, column: 1, path } };
}

/** @returns undefined where it is broken, or after a problem was added because there is none */
export function findDatabase(
  { document, databases }: Reading,
  segments: Segments,
  name: string,
): DatabaseConfig | undefined {
  if (databases.has(name)) return databases.get(name);
  const known = [...databases.keys()];
  const advice = known.length === 0 ? '; declare it under databases' : suggest(name, known);
  document.add([...segments, 'database'], `there is no database ${quoted(name)}${advice}`);
  return undefined;
}

function checkText(
  sql: string,
  names: StatementNames | undefined,
  database: DatabaseConfig | undefined,
): readonly SqlProblem[] {
  const text = readSqlText(sql);
  if (isSqlProblem(text)) return [text];
  const wrongNames = names === undefined ? [] : checkNames(text, names);
  return [...wrongNames, ...engineProblems(text, database)];
}

/** What only the other engine can read. */
export function engineProblems(text: SqlText, database: DatabaseConfig | undefined): readonly SqlProblem[] {
  if (database?.kind !== 'sqlite') return [];
  const translated = text.toSqlite();
  return isSqlProblem(translated) ? [translated] : [];
}
