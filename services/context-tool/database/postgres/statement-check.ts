/**
 * Has a server parse and describe statements, in a transaction that is rolled back: nothing of them runs. A statement that
 * it refuses is a problem with the line of the mistake.
 */
import { DatabaseError } from 'pg';
import { takeColumnsProblem } from '../outbox-table.ts';
import type { SqlPlace, TranslatedSql } from '../sql-text.ts';
import { isUnknownType } from './cell-json.ts';
import type { PostgresConnection } from './connection.ts';
import type { Answer, Column } from './exchange.ts';
import { isUnavailable } from './failure.ts';
import { IDEMPOTENCY_STATEMENTS } from './idempotency.ts';
import type { ArrayElements } from './result.ts';
import type { Statement, StatementKind, StatementState } from './statement.ts';
import { beginRead } from './transaction-text.ts';

const READS = ['SELECT', 'WITH', 'VALUES', 'TABLE'];
const WRITES = [...READS, 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'CALL'];
/** What may begin a statement. Others end the transaction that it runs in, or change the session of whoever comes next. */
const BEGINNINGS: Readonly<Record<StatementKind, readonly string[]>> = {
  context: [...READS, 'SHOW', 'EXPLAIN'],
  tool: WRITES,
  take: READS,
  settle: WRITES,
};
const SHOWN: Readonly<Record<StatementKind, string>> = {
  context: 'the statement of a context',
  tool: 'the statement of a tool',
  take: '"take"',
  settle: '"done" or "failed"',
};

/** Behind comments and opening parentheses. */
const FIRST_WORD = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|\()*([A-Za-z]*)/;

/** An array of an enum, of a domain, or of a rare type: the catalogue knows its elements' type. */
const ELEMENT_TYPES =
  'SELECT a.oid, coalesce(nullif(e.typbasetype, 0), e.oid) FROM pg_catalog.pg_type a ' +
  "JOIN pg_catalog.pg_type e ON e.oid = a.typelem WHERE a.typinput = 'pg_catalog.array_in'::regproc " +
  "AND e.typdelim = ',' AND a.oid = ANY ($1::oid[])";

/** Parsing takes a moment, and longer only where somebody holds the lock of a table. */
const STATEMENT_TIMEOUT_MS = 5_000;
const UNDEFINED_TABLE = '42P01';
const INDETERMINATE_DATATYPE = '42P18';
const PARAMETER = /\$\d+/;
const PARAMETERS = /\$(\d+)/g;

/** One after the other; sets the state of each. @throws ConnectionLost, or DatabaseError when the server is in no order */
export async function checkStatements(connection: PostgresConnection, statements: readonly Statement[]): Promise<void> {
  const table = statements.some(({ kind }) => kind === 'tool') ? await checkTable(connection) : undefined;
  for (const statement of statements) {
    const missing = statement.kind === 'tool' ? table : undefined;
    statement.state =
      missing === undefined ? await checkOne(connection, statement) : refusedAtStart(statement, missing);
  }
}

async function checkOne(connection: PostgresConnection, statement: Statement): Promise<StatementState> {
  const { sql, kind, config } = statement;
  if (sql === undefined) return statement.state;
  const allowed = BEGINNINGS[kind];
  const word = FIRST_WORD.exec(sql.text)?.[1]?.toUpperCase() ?? '';
  if (!allowed.includes(word)) {
    const message = `${SHOWN[kind]} begins with one of ${allowed.join(', ')}, and not with "${word}"`;
    return refusedAtStart(statement, message);
  }
  const described = await describe(connection, sql.text);
  if (described instanceof DatabaseError) return refusedByDatabase(statement, described);
  const { columns } = described;
  const problem = columnsProblem(columns, kind, config.result);
  if (problem !== undefined) return refusedAtStart(statement, problem);
  if (kind === 'take') {
    const refused = await tryTake(connection, sql);
    if (refused !== undefined) return refusedByDatabase(statement, refused);
  }
  return { kind: 'checked', elements: await elementTypes(connection, columns ?? []) };
}

/** @returns what is wrong with the table of idempotency keys */
async function checkTable(connection: PostgresConnection): Promise<string | undefined> {
  for (const text of IDEMPOTENCY_STATEMENTS) {
    const described = await describe(connection, text);
    if (!(described instanceof DatabaseError)) continue;
    const how = 'docs/context-tool.md has the SQL that makes it';
    if (described.code === UNDEFINED_TABLE) {
      return `the table mcp2_idempotency is missing in this database, where tools keep what they answered: ${how}`;
    }
    return `the table mcp2_idempotency of this database is not as it should be (${sentence(described)}): ${how}`;
  }
  return undefined;
}

/** @returns the server's refusal instead of throwing it */
function describe(connection: PostgresConnection, text: string): Promise<Answer | DatabaseError> {
  return rolledBack(connection, () => connection.describe(text));
}

/**
 * For no rows: a statement that locks or changes what it takes is refused only when it runs. What it changed would stay
 * changed for rows that could not be published.
 */
async function tryTake(connection: PostgresConnection, { text, names }: TranslatedSql) {
  const values = names.map(() => '0');
  const answer = await rolledBack(connection, () => connection.execute({ text, values, keepRows: 0 }));
  return answer instanceof DatabaseError ? answer : undefined;
}

async function rolledBack(
  connection: PostgresConnection,
  work: () => Promise<Answer>,
): Promise<Answer | DatabaseError> {
  await connection.simple(beginRead(connection, STATEMENT_TIMEOUT_MS));
  try {
    return await work();
  } catch (error) {
    if (error instanceof DatabaseError && !isUnavailable(error)) return error;
    throw error;
  } finally {
    if (connection.isOpen) await connection.simple('ROLLBACK');
  }
}

function columnsProblem(
  columns: readonly Column[] | undefined,
  kind: StatementKind,
  result: Statement['config']['result'],
): string | undefined {
  if (kind === 'take') return takeColumnsProblem((columns ?? []).map(({ name }) => name));
  if (columns === undefined || columns.length === 0) {
    return kind !== 'context' ? undefined : 'the statement of a context must answer columns, and this one answers none';
  }
  if (result === 'Value' && columns.length > 1) {
    return `"result: Value" is one column, and the statement answers ${columns.length}; write "result: Row" or "Rows"`;
  }
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  return twice === undefined ? undefined : `two columns are named "${twice}": give one another name with AS`;
}

async function elementTypes(connection: PostgresConnection, columns: readonly Column[]): Promise<ArrayElements> {
  const unknown = [...new Set(columns.map(({ oid }) => oid).filter(isUnknownType))];
  if (unknown.length === 0) return new Map();
  const values = [`{${unknown.join(',')}}`];
  const { rows } = await connection.execute({ text: ELEMENT_TYPES, values, keepRows: unknown.length });
  return new Map(rows.map(([array, element]) => [Number(array), Number(element)]));
}

function refusedByDatabase(statement: Statement, error: DatabaseError): StatementState {
  const { sql } = statement;
  if (sql === undefined) return statement.state;
  const message = `the database refuses it: ${withNames(sentence(error), sql)}`;
  return { kind: 'refused', problems: [statement.problemAt(placeOf(error, sql), message)] };
}

/** Of a parameter whose type is not clear PostgreSQL says the number and no position. */
function placeOf({ position, message }: DatabaseError, { text, placeAt }: TranslatedSql): SqlPlace {
  if (position !== undefined) return placeAt(Number(position) - 1);
  const parameter = PARAMETER.exec(message)?.[0];
  const offset = parameter === undefined ? -1 : text.indexOf(parameter);
  return placeAt(offset < 0 ? 0 : [...text.slice(0, offset)].length);
}

/** In the owner's words: "$1" is what this program made of ":sku". */
function withNames(message: string, { names }: TranslatedSql): string {
  return message.replaceAll(PARAMETERS, (whole, number: string) => {
    const name = names[Number(number) - 1];
    return name === undefined ? whole : `:${name}`;
  });
}

function refusedAtStart(statement: Statement, message: string): StatementState {
  return { kind: 'refused', problems: [statement.problemAt({ line: 1, column: 1 }, message)] };
}

/** The text is the owner's own, so the owner may read what the database says of it. */
function sentence({ message, hint, code }: DatabaseError): string {
  const advice = hint ?? (code === INDETERMINATE_DATATYPE ? 'Say its type, as in CAST(:name AS text)' : undefined);
  return `${message}${advice === undefined ? '' : `. ${advice}`} (SQLSTATE ${code ?? 'unknown'})`;
}
