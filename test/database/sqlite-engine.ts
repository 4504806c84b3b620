/** SQLite as an engine of the contract. Each database object has children of its own, as in a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Database } from '../../services/context-tool/database/database.ts';
import { openSqlite } from '../../services/context-tool/database/sqlite/open-sqlite.ts';
import { systemClock } from '../../services/lib/clock.ts';
import { silentLogger } from '../../services/lib/logger.ts';
import type { EngineUnderTest } from './contract/engine.ts';
import { TABLES } from './contract/tables.ts';
import { newFiles, PLACE } from './sqlite-fixture.ts';

export async function startSqliteEngine(): Promise<EngineUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-sqlite-'));
  const file = join(folder, 'contract.db');
  const init = join(folder, 'init.sql');
  writeFileSync(init, `${TABLES.join(';\n')};`);
  const opened: Database[] = [];
  const open = () => {
    const config = { kind: 'sqlite', name: 'db', place: PLACE, file, init: [init], statementTimeoutMs: 2_000 } as const;
    const database = openSqlite(config, { files: newFiles(), clock: systemClock, log: silentLogger });
    opened.push(database);
    return database;
  };
  await open().check(AbortSignal.timeout(30_000));
  return {
    kind: 'sqlite',
    open,
    query: async (sql) => {
      using sqlite = new DatabaseSync(file, { timeout: 5_000 });
      return sqlite.prepare(sql).all();
    },
    async dispose() {
      await Promise.all(opened.map((database) => database.close()));
      rmSync(folder, { recursive: true });
    },
  };
}
