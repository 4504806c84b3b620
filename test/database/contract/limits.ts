/** What is bounded: rows, bytes, time. After each of them the next call works. */
import { performance } from 'node:perf_hooks';
import { expect } from 'vitest';
import { type ContractTests, checked, contextOf, jsonOf, toolOf } from './engine.ts';
import { ENDLESS } from './tables.ts';

const MIB = 1024 * 1024;

export const limitTests: ContractTests = {
  'a thousand rows are answered, more are LIMIT_EXCEEDED': async (engine) => {
    const database = engine.open();
    const sql = 'SELECT n FROM numbers WHERE n <= CAST(:most AS integer) ORDER BY n';
    const ask = contextOf(database, { sql, result: 'Rows', parameters: ['most'] });
    await checked(database);
    expect(jsonOf(await ask({ most: 1_000 }))).toHaveLength(1_000);
    await expect(ask({ most: 1_001 })).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    expect(jsonOf(await ask({ most: 1 }))).toEqual([{ n: 1 }]);
  },

  'an answer of 4 MiB is given, a larger one is LIMIT_EXCEEDED': async (engine) => {
    const database = engine.open();
    const long =
      engine.kind === 'sqlite' ? "replace(hex(zeroblob(:n / 2)), '0', 'x')" : "repeat('x', CAST(:n AS integer))";
    const value = contextOf(database, { sql: `SELECT ${long}`, parameters: ['n'] });
    const rows = contextOf(database, {
      sql: `SELECT ${long} AS t FROM numbers WHERE n <= 10`,
      result: 'Rows',
      parameters: ['n'],
    });
    await checked(database);
    expect((await value({ n: 4 * MIB - 2 })).content).toHaveLength(4 * MIB);
    await expect(value({ n: 4 * MIB })).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    await expect(value({ n: 16 * MIB })).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    await expect(rows({ n: MIB / 2 })).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    expect(jsonOf(await value({ n: 2 }))).toBe('xx');
  },

  'a statement that runs too long is STATEMENT_TIMEOUT, a deadline that passes before is DEADLINE_EXCEEDED': async (
    engine,
  ) => {
    const database = engine.open();
    const endless = contextOf(database, { sql: ENDLESS });
    const quick = contextOf(database, { sql: 'SELECT 1' });
    await checked(database);
    const startedMs = performance.now();
    await expect(endless({}, { deadlineMs: 60_000 })).rejects.toMatchObject({ reason: 'STATEMENT_TIMEOUT' });
    await expect(endless({}, { deadlineMs: 300 })).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    // Two seconds and 0.3; ten times that.
    expect(performance.now() - startedMs).toBeLessThan(23_000);
    expect(jsonOf(await quick())).toBe(1);
  },

  'a tool that runs too long changes nothing': async (engine) => {
    const database = engine.open();
    const sql = `INSERT INTO orders SELECT 'endless', (${ENDLESS})`;
    const endless = toolOf(database, { sql });
    await checked(database);
    await expect(endless({}, { deadlineMs: 60_000 })).rejects.toMatchObject({ reason: 'STATEMENT_TIMEOUT' });
    await expect(endless({}, { deadlineMs: 200 })).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    expect(await engine.query("SELECT * FROM orders WHERE id = 'endless'")).toEqual([]);
  },

  'a caller who leaves is not kept waiting, and those who come next are answered': async (engine) => {
    const database = engine.open();
    const endless = contextOf(database, { sql: ENDLESS });
    const quick = contextOf(database, { sql: 'SELECT 1' });
    await checked(database);
    const left = new Error('the client left');
    const calls = Array.from({ length: 4 }, () => {
      const leave = new AbortController();
      const asked = endless({}, { signal: leave.signal });
      setTimeout(() => leave.abort(left), 100);
      return asked;
    });
    for (const call of calls) await expect(call).rejects.toBe(left);
    expect(jsonOf(await quick())).toBe(1);
    await expect(quick({}, { signal: AbortSignal.abort(left) })).rejects.toBe(left);
  },
};
