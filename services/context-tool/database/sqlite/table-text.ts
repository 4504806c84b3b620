/** The tables of a database as SQL that makes them again, without their rows: for a check that must change nothing. */
import { DatabaseSync } from 'node:sqlite';

/** Not those that SQLite makes by itself, among them the parts of virtual tables. */
const TABLES = `
  SELECT sql FROM sqlite_schema
  WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')
  ORDER BY rowid`;

/** @throws SQLite's error for what is no database or cannot be read */
export function tableText(file: string): string {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const statements = database
      .prepare(TABLES)
      .all()
      .map(({ sql }) => `${sql};\n`);
    // Of a database without tables it is a script, too.
    return ['PRAGMA user_version;\n', ...statements].join('');
  } finally {
    database.close();
  }
}
