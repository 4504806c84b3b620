/** The look at every statement when a configuration is loaded. */
import { expect } from 'vitest';
import { type ContractTests, checked, contextOf, type EngineUnderTest, jsonOf, PLACE, toolOf } from './engine.ts';

/** Of statements that are checked together. */
async function problemsOf(engine: EngineUnderTest, ...statements: readonly string[]) {
  const database = engine.open();
  for (const sql of statements) contextOf(database, { sql, result: 'Row' });
  const found = await database.check(AbortSignal.timeout(30_000));
  return found === 'unreachable' ? found : [...found];
}

export const checkTests: ContractTests = {
  'before the check a statement is BACKEND_UNAVAILABLE, after a refusal BACKEND_REFUSED, and the others work': async (
    engine,
  ) => {
    const database = engine.open();
    const good = contextOf(database, { sql: 'SELECT 1' });
    const bad = contextOf(database, { sql: 'SELECT 1 FROM no_such_table' });
    await expect(good()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
    expect(await database.check(AbortSignal.timeout(30_000))).toHaveLength(1);
    expect(jsonOf(await good())).toBe(1);
    await expect(bad()).rejects.toMatchObject({ reason: 'BACKEND_REFUSED' });
  },

  'a mistake is told with file, line and column': async (engine) => {
    const problems = await problemsOf(
      engine,
      'SELECT sku\nFROM stock\nWHERE no_such_column = 1',
      'SELECT 1\n  FROM stok',
    );
    expect(problems).toMatchObject([
      { file: PLACE.file, path: PLACE.path, line: PLACE.line + 2, column: PLACE.column + 'WHERE '.length },
      { file: PLACE.file, line: PLACE.line + 1, column: PLACE.column + '  FROM '.length },
    ]);
    expect(JSON.stringify(problems)).toContain('no_such_column');
    expect(JSON.stringify(problems)).toContain('stok');
  },

  'two columns of one name are refused': async (engine) => {
    const problems = await problemsOf(engine, 'SELECT quantity, quantity FROM stock');
    expect(JSON.stringify(problems)).toContain('two columns are named');
  },

  'a context that only changes is refused, and changes nothing': async (engine) => {
    const problems = await problemsOf(engine, 'DELETE FROM stock', 'DROP TABLE stock', 'COMMIT', 'BEGIN');
    expect(problems).toHaveLength(4);
    expect(await engine.query("SELECT sku FROM stock WHERE sku = 'fig'")).toEqual([{ sku: 'fig' }]);
  },

  'a tool runs one statement that changes rows, and neither ends nor begins a transaction': async (engine) => {
    const database = engine.open();
    const texts = ['COMMIT', 'ROLLBACK', 'BEGIN', 'SAVEPOINT a', 'CREATE TABLE a (b text)', 'DROP TABLE stock'];
    for (const sql of texts) toolOf(database, { sql });
    expect(await database.check(AbortSignal.timeout(30_000))).toHaveLength(texts.length);
  },

  'checking runs nothing': async (engine) => {
    const database = engine.open();
    toolOf(database, { sql: "INSERT INTO orders VALUES ('checked', 1)" });
    await checked(database);
    await checked(database);
    expect(await engine.query("SELECT * FROM orders WHERE id = 'checked'")).toEqual([]);
  },
};
