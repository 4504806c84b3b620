/** The table that both engines run as well (sqlite-texts.test.ts, postgres-texts.test.ts), for the lexer alone. */
import { expect, test } from 'vitest';
import { isSqlProblem, readSqlText } from '../../services/context-tool/database/sql-text.ts';
import { PLACEHOLDER_TEXTS } from './placeholder-texts.ts';
import { REFUSED_TEXTS } from './refused-texts.ts';

test.each(PLACEHOLDER_TEXTS)('$title: $sql', ({ sql, names, postgres, sqlite }) => {
  const read = readSqlText(sql);
  if (isSqlProblem(read)) throw new Error(read.message);
  expect(read.names).toEqual(names);
  const forPostgres = read.toPostgres();
  expect({ text: forPostgres.text, names: forPostgres.names }).toEqual({ text: postgres, names });
  const forSqlite = read.toSqlite();
  if ('refused' in sqlite) {
    expect(forSqlite).toMatchObject({ message: expect.stringContaining(sqlite.refused) });
  } else {
    expect(forSqlite).toMatchObject({ text: sqlite.text, names });
  }
});

test.each(REFUSED_TEXTS)('refused: $title', ({ sql, message, line, column }) => {
  const place = line === undefined ? {} : { line, column };
  expect(readSqlText(sql)).toMatchObject({ message: expect.stringContaining(message), ...place });
});

test('there are at least 60 texts', () => {
  expect(PLACEHOLDER_TEXTS.length + REFUSED_TEXTS.length).toBeGreaterThanOrEqual(100);
});
