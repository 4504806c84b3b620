import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLogger } from '#lib/observe/logger.ts';
import { pruneSnapshots } from './prune-snapshots.ts';

const log = createLogger({ service: 'etcd', level: 'silent' });

test('the newest stay, what was interrupted goes, and what is no snapshot is not touched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-prune-'));
  try {
    const names = ['z.db', 'b.db', 'c.db', 'a.db', 'd.db.part', 'e.db.unfinished', 'e.db.unfinished-wal', 'notes.txt'];
    for (const [i, name] of names.entries()) {
      writeFileSync(join(folder, name), '');
      utimesSync(join(folder, name), 1_000 + i, 1_000 + i);
    }
    mkdirSync(join(folder, 'lost+found'));
    expect(pruneSnapshots({ folder, keep: 2 }, log)).toEqual(['a.db', 'c.db']);
    expect(readdirSync(folder).sort()).toEqual(['a.db', 'c.db', 'lost+found', 'notes.txt']);
    expect(pruneSnapshots({ folder, keep: 2 }, log)).toEqual(['a.db', 'c.db']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
