/** A process with a SQLite database in which a query never ends. Arguments: folder, path of setpriv. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite } from '../../services/context-tool/database/sqlite/open-sqlite.ts';
import { SqliteFiles } from '../../services/context-tool/database/sqlite/sqlite-files.ts';
import { systemClock } from '../../services/lib/clock.ts';
import { silentLogger } from '../../services/lib/logger.ts';
import { PLACE, toCall } from './sqlite-fixture.ts';

if (import.meta.main) await use(process.argv[2] ?? '', process.argv[3] ?? '');

async function use(folder: string, setpriv: string): Promise<void> {
  const init = join(folder, 'init.sql');
  writeFileSync(init, 'CREATE TABLE unused (a)');
  const dependencies = { clock: systemClock, log: silentLogger };
  const config = { kind: 'sqlite', name: 'db', place: PLACE, file: join(folder, 'test.db'), init: [init] } as const;
  const files = new SqliteFiles({ ...dependencies, setpriv });
  const database = openSqlite({ ...config, statementTimeoutMs: 600_000 }, { files, ...dependencies });
  const sql = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
  const read = database.context(
    { database: 'db', sql, place: PLACE, result: 'Value' },
    { segments: [], parameters: [] },
  );
  await database.check(AbortSignal.timeout(30_000));
  const endless = read({ key: 'a', segments: {}, parameters: {} }, toCall({ deadlineMs: Date.now() + 600_000 }));
  process.stdout.write('ready\n');
  await endless;
}
